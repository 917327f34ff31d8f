"""Tiers: customers by the rank of an attribute, and what each tier gives."""

from calendar import monthrange
from collections.abc import Mapping as Dictionary

from engine.language.issues import Report, Span, closest
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.scope import Scope
from engine.language.standing.measured import measured
from engine.language.standing.models import DIRECTIONS, LevelModel, TiersModel
from engine.language.standing.parts import Part, ask, check_name, empty, holder, part_of
from engine.language.validate import validate
from engine.standing.definition import Benefits, Review, TierRule, Tiers

_ALL = 10_000  # basis points


def compile_tiers(root: Mapping, scope: Scope, report: Report) -> Part:
    """Reads the tiers."""
    at = root.entries[0].span
    with part_of(report, "tiers"):
        before = report.faults
        node = holder(root, "tiers", report, "a mapping with rank_by and levels")
        model = validate(TiersModel, node, report, at=at) if node else None
        base = ask(node, "base", scope, report) if node else None
        if node:
            measured(node.get("rank_by"), scope, report)
            _check_review(node, report)
            _check_levels(node, model, report)
        sound = model is not None and report.faults == before
        rule = Tiers.model_validate({**_plain(model), "base": base}) if model and sound else None
    asked = node.get("base") if node else None
    return Part("tier", "tiers", report, at, () if asked is None else (asked,), rule, sound)


def _plain(model: TiersModel) -> dict[str, object]:
    review = None if model.review is None else Review(month=model.review.month, day=model.review.day)
    return {
        "rank_by": model.rank_by,
        "grace": 0 if model.grace is None else model.grace.seconds,
        "tiers": _cumulative(model.levels),
        **({} if review is None else {"review": review}),
    }


def _cumulative(levels: Dictionary[str, LevelModel]) -> tuple[TierRule, ...]:
    """Own shares added up from the top."""
    total = 0
    tiers = []
    for name, level in levels.items():
        total += level.share or 0
        share = None if level.share is None else total
        benefits = Benefits.model_validate(level.benefits.model_dump())
        tiers.append(TierRule(name=name, title=level.title, share=share, benefits=benefits))
    return tuple(tiers)


def _check_review(node: Mapping, report: Report) -> None:
    review = node.get("review")
    month, day = (review.get("month"), review.get("day")) if isinstance(review, Mapping) else (None, None)
    if not isinstance(month, Scalar) or not isinstance(day, Scalar):
        return
    known = isinstance(month.value, int) and isinstance(day.value, int) and month.value in range(1, 13)
    # 2000 had a 29 February; in other years the review is on the 28th.
    if known and monthrange(2000, int(month.text))[1] < int(day.text) <= 31:
        report.error("RG209", day.span, day.text, f"a day of month {month.text}")


def _check_levels(node: Mapping, model: TiersModel | None, report: Report) -> None:
    levels = node.get("levels")
    if not isinstance(levels, Mapping) or empty(levels, "levels", report):
        return
    for entry in levels:
        check_name(entry, report)
        share = entry.value.entry("share") if isinstance(entry.value, Mapping) else None
        last = entry is levels.entries[-1]
        if last and share:
            hint = "it takes all the others; add a last tier, or remove the share"
            report.error("RG201", share.span, "share of the last tier", "no share: the rest", hint)
        if not last and share is None and isinstance(entry.value, Mapping):
            report.error("RG202", entry.span, "no key share", "the key share: only the last tier has none")
    if model is not None:
        _check_sum(levels, model, report)
        _check_benefits(levels, model, report)


def _check_sum(levels: Mapping, model: TiersModel, report: Report) -> None:
    total = 0
    for entry in levels:
        own = model.levels[entry.key].share
        total += own or 0
        share = entry.value.get("share") if isinstance(entry.value, Mapping) else None
        if own is not None and share is not None and (own == 0 or total >= _ALL):
            said = "a share of 0%" if own == 0 else f"{total // 100}% up to here"
            report.error("RG209", share.span, said, "shares above 0%, together below 100%", "the last tier is the rest")
            return


def _check_benefits(levels: Mapping, model: TiersModel, report: Report) -> None:
    """A benefit that only one tier names, much like one of another tier, is a slip; so is one of another type."""
    for direction in DIRECTIONS:
        given = {name: getattr(level.benefits, direction) for name, level in model.levels.items()}
        for tier, benefits in given.items():
            for name in benefits:
                key = _key(levels, tier, direction, name)
                if key is not None:
                    _check_benefit(key, name, tier, given, direction, report)


Given = Dictionary[str, Dictionary[str, object]]


def _check_benefit(key: Entry, name: str, tier: str, given: Given, direction: str, report: Report) -> None:
    others = {each: value for other in given if other != tier for each, value in given[other].items()}
    if name in others:
        _check_kind(key, given[tier][name], others[name], tier == next(iter(given)), report)
        return
    like = closest(name, [each for each in others if each not in given[tier]]) if len(name) > 3 else None
    tiers = list(given)
    met = [tiers.index(each) for each in tiers if like in given[each]] if like else []
    if len(met) > 1 or (met and met[0] < tiers.index(tier)):
        expected = f"a benefit of {direction} that other tiers have too"
        report.warning("RG320", key.span, name, expected, f"did you mean {like}?")


def _check_kind(key: Entry, value: object, other: object, first: bool, report: Report) -> None:  # noqa: FBT001 -- a state
    if type(value) is not type(other) and not first:
        words = {bool: "true or false", int: "a whole number", str: "text"}
        report.error("RG401", _span(key.value, key), found(key.value), f"{words[type(other)]}, as in another tier")


def _span(node: Node, key: Entry) -> Span:
    return node.span if isinstance(node, Scalar) and node.text else key.span


def _key(levels: Mapping, tier: str, direction: str, name: str) -> Entry | None:
    node: Node | None = levels
    for part in (tier, "benefits", direction):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node.entry(name) if isinstance(node, Mapping) else None
