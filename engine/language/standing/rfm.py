"""RFM: recency, frequency and monetary value."""

from itertools import product

from engine.language.issues import Report, Span
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.operands import amount
from engine.language.scope import Scope, Typed
from engine.language.standing.measured import measured
from engine.language.standing.models import RfmModel
from engine.language.standing.parts import Part, ask, check_name, empty, holder, part_of
from engine.language.validate import validate
from engine.standing.definition import Measure, Rfm, RfmGroup

_MEASURES = ("recency", "frequency", "monetary")
_SIDES = ("recent", "frequent", "valuable")


def compile_rfm(root: Mapping, scope: Scope, currency: str | None, report: Report) -> Part:
    """Reads RFM. `currency`: the reporting one, in which a fixed threshold of money must be given."""
    at = root.entries[0].span
    with part_of(report, "rfm"):
        before = report.faults
        node = holder(root, "rfm", report, "a mapping with base, recency, frequency, monetary and groups")
        model = validate(RfmModel, node, report, at=at) if node else None
        base = ask(node, "base", scope, report) if node else None
        measures = {name: _measure(node.get(name), scope, currency, report) for name in _MEASURES} if node else {}
        if node:
            _check_groups(node, model, report)
        sound = model is not None and base is not None and report.faults == before
        rule = _rule(model, {"base": base, **measures}) if model and sound else None
    asked = node.get("base") if node else None
    return Part("rfm", "rfm", report, at, () if asked is None else (asked,), rule, sound)


def _rule(model: RfmModel, parts: dict[str, object]) -> Rfm:
    groups = tuple(
        RfmGroup(
            name=name,
            title=group.title,
            recent=group.recent,
            frequent=group.frequent,
            valuable=group.valuable,
            advice=(group.advice or "").strip(),
        )
        for name, group in model.groups.items()
    )
    return Rfm.model_validate({**parts, "scores": model.scores, "groups": groups})


def _measure(node: Node | None, scope: Scope, currency: str | None, report: Report) -> Measure | None:
    if not isinstance(node, Mapping):
        return None
    typed = measured(node.get("attribute"), scope, report)
    high, named = node.entry("high"), node.get("attribute")
    if high is None or not isinstance(high.value, Mapping):
        return None
    given = [entry for entry in high.value if entry.key in ("from", "quantile")]
    if len(given) != 1:
        said = " and ".join(entry.key for entry in given) or "neither"
        report.error("RG210", given[1].span if given else high.span, said, "one of from or quantile")
        return None
    name = found(named) if named is not None else ""
    if given[0].key == "quantile":
        return Measure(attribute=name, quantile=_basis_points(given[0].value))
    start = None if typed is None else _from(given[0], name, typed, currency, report)
    return None if start is None else Measure(attribute=name, high_from=start)


def _basis_points(node: Node) -> int:
    """Of a percentage that the model has read already; 0 where it is none."""
    text = node.text.removesuffix("%") if isinstance(node, Scalar) else ""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part or "0").ljust(2, "0")[:2]) if (whole + part).isdecimal() else 0


def _from(entry: Entry, name: str, typed: Typed, currency: str | None, report: Report) -> int | None:
    node = entry.value
    if typed.type == "money":
        money = amount(node, name, report)
        if money is not None and currency not in (None, money.currency):
            report.error("RG206", node.span, found(node), f"an amount in the reporting currency, {currency}")
        return None if money is None else money.minor
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    at = entry.span if isinstance(node, Scalar) and node.value is None else node.span
    report.error("RG401", at, found(node), f"a whole number: {name} is of type {typed.type}")
    return None


def _check_groups(node: Mapping, model: RfmModel | None, report: Report) -> None:
    """Each combination has one group."""
    groups = node.get("groups")
    if not isinstance(groups, Mapping) or empty(groups, "groups", report):
        return
    for entry in groups:
        check_name(entry, report)
    if model is None:
        return
    seen: dict[tuple[bool, ...], str] = {}
    for entry in groups:
        group = model.groups[entry.key]
        sides = (group.recent, group.frequent, group.valuable)
        if sides in seen:
            report.error(
                "RG703", entry.span, f"{entry.key}: {_words(sides)}", "one group for each", f"{seen[sides]} is so too"
            )
        seen.setdefault(sides, entry.key)
    _check_covered(set(seen), node.entry("groups"), report)


def _check_covered(seen: set[tuple[bool, ...]], entry: Entry | None, report: Report) -> None:
    missing = [sides for sides in product((True, False), repeat=3) if sides not in seen]
    at = Span() if entry is None else entry.span
    if missing:
        report.warning("RG704", at, f"no group for {_words(missing[0])}", "a group for each of the eight combinations")


def _words(sides: tuple[bool, ...]) -> str:
    return ", ".join(f"{name} {str(side).lower()}" for name, side in zip(_SIDES, sides, strict=True))
