"""What a test gives beside facts: cut-offs, the standing before, and tags by hand."""

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.operands import amount, operand
from engine.language.rules import Rules
from engine.language.scope import Typed
from engine.language.validate import mapping, sequence
from engine.ruletests.case import NAMES
from engine.ruletests.expectations import members
from engine.ruletests.moments import Moments
from engine.ruletests.names import CODES, known_names
from engine.standing.cut_offs import Better, CutOffs, MeasureCutOffs, Number, RfmCutOffs
from engine.standing.decide import HandTag, Standing
from engine.standing.definition import Measure

_MEASURES = ("recency", "frequency", "monetary")


def read_cut_offs(node: Node, rules: Rules, report: Report) -> CutOffs | None:
    """`cut_offs: {tiers: {vip: 500 EUR, …}, rfm: {recency: 100, monetary: 200 EUR}}`, as a bulk run publishes them."""
    held = mapping(node, report, "tiers and rfm")
    if held is None:
        return None
    tiers = rfm = None
    for entry in held:
        if entry.key == "tiers":
            tiers = _tiers(entry, rules, report)
        elif entry.key == "rfm":
            rfm = _rfm(entry, rules, report)
        else:
            report.error("RG201", entry.span, entry.key, "tiers or rfm", did_you_mean(entry.key, ("tiers", "rfm")))
    return CutOffs(tiers, rfm)


def _tiers(entry: Entry, rules: Rules, report: Report) -> tuple[Number | None, ...] | None:
    tiers = rules.standing.tiers
    held = mapping(entry.value, report, "the least value of each tier but the last", entry.span)
    if tiers is None:
        report.error("RG318", entry.span, "tiers", "rules that have tiers")
    if tiers is None or held is None:
        return None
    names = [tier.name for tier in tiers.tiers[:-1]]
    for each in held:
        if each.key not in names:
            report.error("RG318", each.span, each.key, one_of(names), did_you_mean(each.key, names))
    for name in names:
        if held.entry(name) is None:
            report.error("RG202", entry.span, f"no key {name}", f"the key {name}")
    return tuple(_number(held.entry(name), tiers.rank_by, rules, report) for name in names)


def _rfm(entry: Entry, rules: Rules, report: Report) -> RfmCutOffs | None:
    rfm = rules.standing.rfm
    held = mapping(entry.value, report, one_of(_MEASURES), entry.span)
    if rfm is None:
        report.error("RG319", entry.span, "rfm", "rules that have RFM")
    if rfm is None or held is None:
        return None
    for each in held:
        if each.key not in _MEASURES:
            report.error("RG201", each.span, each.key, one_of(_MEASURES), did_you_mean(each.key, _MEASURES))
    made = [_measure(held, name, getattr(rfm, name), entry, rules, report) for name in _MEASURES]
    return RfmCutOffs(*made)


def _measure(held: Mapping, name: str, measure: Measure, at: Entry, rules: Rules, report: Report) -> MeasureCutOffs:
    """Where high begins; or that and `scores`, from which value each score from 2 on is given."""
    better: Better = "less" if name == "recency" else "more"
    entry = held.entry(name)
    if entry is None:
        if measure.high_from is None:
            report.error("RG202", at.span, f"no key {name}", f"the key {name}: from where on it is high")
        return MeasureCutOffs(better, measure.high_from, ())
    if not isinstance(entry.value, Mapping):
        return MeasureCutOffs(better, _number(entry, measure.attribute, rules, report), ())
    for each in entry.value:
        if each.key not in ("high", "scores"):
            report.error("RG201", each.span, each.key, "high or scores", did_you_mean(each.key, ("high", "scores")))
    high = entry.value.entry("high")
    scores = entry.value.get("scores")
    listed = scores.items if isinstance(scores, Sequence) else ()
    if scores is not None and not listed:
        report.error("RG203", scores.span, found(scores), "a list of values, from that of score 2 on")
    given = tuple(_number(Entry("scores", item.span, item), measure.attribute, rules, report) for item in listed)
    return MeasureCutOffs(
        better, measure.high_from if high is None else _number(high, measure.attribute, rules, report), given
    )


def _number(entry: Entry | None, name: str, rules: Rules, report: Report) -> Number | None:
    """A value of an attribute that is ranked or measured."""
    if entry is None:
        return None
    kind = rules.catalogue[name].type if name in rules.catalogue else "integer"
    if kind == "money":
        money = amount(entry.value, name, report)
        return None if money is None else money.minor
    value = operand(entry.value, name, Typed(kind), report)
    return value if isinstance(value, int) else None


def read_before(node: Node, rules: Rules, moments: Moments, report: Report) -> Standing | None:
    """`before: {at: -400d, tier: vip, stage: active, tags: […]}`: what the customer was when last evaluated."""
    held = mapping(node, report, "at and what the customer was")
    if held is None:
        return None
    values: dict[str, object] = {}
    known = ("at", "tags", "segments", *NAMES)
    for entry in held:
        if entry.key == "at":
            values["at"] = moments.read(entry.value, report) or 0
        elif entry.key in CODES:
            values[entry.key] = _was(entry, rules, report)
        else:
            report.error("RG201", entry.span, entry.key, one_of(known), did_you_mean(entry.key, known))
    if "at" not in values:
        report.error("RG202", held.span, "no key at", "the key at: when that was")
        return None
    tags = values.get("tags")
    given = dict.fromkeys(tags, values["at"]) if isinstance(tags, frozenset) else {}
    return Standing(**values, given=given)  # type: ignore[arg-type]  # each is read as its field's type


def _was(entry: Entry, rules: Rules, report: Report) -> object:
    read = members(entry.value, known_names(entry.key, rules), CODES[entry.key], report)
    exact = frozenset[str]() if read is None or read.exact is None else read.exact
    return exact if entry.key in ("tags", "segments") else next(iter(exact), None)


def read_hand_tags(node: Node, rules: Rules, moments: Moments, report: Report) -> tuple[HandTag, ...]:
    """`hand_tags: [gift-buyer, {tag: fan, at: -10d, expires: 5d, removed: -2d}]`."""
    listed = sequence(node, report, "a list of tags")
    tags = [_hand_tag(item, rules, moments, report) for item in (listed.items if listed else ())]
    return tuple(tag for tag in tags if tag is not None)


def _hand_tag(node: Node, rules: Rules, moments: Moments, report: Report) -> HandTag | None:
    if isinstance(node, Scalar):
        return _tag(node, {"at": moments.at}, rules, report)
    held = mapping(node, report, "a tag, or a mapping with tag and at")
    if held is None:
        return None
    instants: dict[str, int | None] = {"at": moments.at}
    names = {"at": "at", "expires": "expires_at", "removed": "removed_at"}
    for entry in held:
        if entry.key in names:
            instants[names[entry.key]] = moments.read(entry.value, report)
        elif entry.key != "tag":
            report.error("RG201", entry.span, entry.key, one_of(("tag", *names)), did_you_mean(entry.key, names))
    named = held.get("tag")
    if named is None:
        report.error("RG202", held.span, "no key tag", "the key tag")
        return None
    return _tag(named, instants, rules, report)


def _tag(node: Node, instants: dict[str, int | None], rules: Rules, report: Report) -> HandTag | None:
    read = members(node, known_names("tags", rules), CODES["tags"], report)
    if read is None or not read.exact or instants["at"] is None:
        return None
    return HandTag(next(iter(read.exact)), instants["at"], instants.get("expires_at"), instants.get("removed_at"))
