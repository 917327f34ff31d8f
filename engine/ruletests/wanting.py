"""What a test of a playbook expects, from located YAML: `journey: [{sent: first, at: +24h}, {stopped: order.paid}]`."""

from collections.abc import Iterable, Mapping

from engine.journeys.plan import Plan
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, Sequence, found
from engine.language.located import Mapping as Located
from engine.language.validate import mapping, sequence
from engine.ruletests import keys
from engine.ruletests.expectations import NONE
from engine.ruletests.moments import Moments
from engine.ruletests.scenario import Instants, Wanted
from engine.simulation.log import What

_WHEN = tuple(keys.WHEN)
_STEPS = frozenset(
    {"waits", "held", "sent", "skipped", "failed", "task", "coupon", "points", "webhook", "call", "update", "move"}
    | {"start"}
)
"""What names a step of the playbook; all else names an outcome, a trigger or tags."""
Journeys = tuple[tuple[Wanted, ...], ...]


def read_journeys(node: Node, plans: Mapping[str, Plan], moments: Moments, report: Report) -> Journeys:
    """What is expected: `journey`, one, or `none`; or `journeys`, a list of them."""
    held = mapping(node, report, "journey or journeys")
    if held is None:
        return ()
    _check_keys(held, report)
    one, many = held.entry("journey"), held.entry("journeys")
    if one is not None and many is not None:
        report.error("RG210", many.span, "journey and journeys", "one of them")
    elif one is not None:
        if isinstance(one.value, Scalar) and one.value.text == NONE:
            return ()
        return (_journey(one.value, plans, moments, report),)
    elif many is not None:
        listed = sequence(many.value, report, "a list of journeys, each a list", many.span)
        return tuple(_journey(each, plans, moments, report) for each in (listed.items if listed else ()))
    else:
        report.error("RG202", held.span, "no key journey", "the key journey: what it does, in order, or none")
    return ()


def _check_keys(held: Located, report: Report) -> None:
    known = tuple(keys.JOURNEYS)
    for entry in held:
        if entry.key not in known:
            report.error("RG201", entry.span, entry.key, one_of(known), did_you_mean(entry.key, known))


def _journey(node: Node, plans: Mapping[str, Plan], moments: Moments, report: Report) -> tuple[Wanted, ...]:
    listed = sequence(node, report, "a list of what the journey does, such as [{sent: first}, {ends: ended}], or none")
    items: Iterable[Node] = listed.items if listed else ()
    read = [_wanted(item, plans, moments, report) for item in items]
    return tuple(each for each in read if each is not None)


def _wanted(node: Node, plans: Mapping[str, Plan], moments: Moments, report: Report) -> Wanted | None:
    held = mapping(node, report, "what it does, such as {sent: first, at: +24h}")
    if held is None:
        return None
    named = [entry for entry in held if entry.key in keys.DOES]
    if len(named) != 1:
        first = next((entry for entry in held if entry.key not in _WHEN), None)
        given = " and ".join(entry.key for entry in named) or (first.key if first else "nothing")
        hint = did_you_mean(first.key, keys.DOES) if first and not named else ""
        report.error("RG201", held.span, given, f"one of {one_of(tuple(keys.DOES), 24)}", hint)
        return None
    does: What = named[0].key  # type: ignore[assignment]  # the keys are the words of a log
    more = _more(held, named[0], moments, report)
    instants = Instants(*(_instant(held.entry(key), moments, report) for key in _WHEN))
    return Wanted(does, _name(named[0], plans, report), held.span, instants, more)


def _name(entry: Entry, plans: Mapping[str, Plan], report: Report) -> str:
    node = entry.value
    if entry.key in ("tag", "untag") and isinstance(node, Sequence):
        return ", ".join(each.text for each in node.items if isinstance(each, Scalar))
    name = node.text if isinstance(node, Scalar) else ""
    if not name:
        report.error("RG203", node.span, found(node), keys.DOES[entry.key])
    known = {step.id for plan in plans.values() for step in plan.code}
    if name and entry.key in _STEPS and name not in known:
        own = sorted(each for each in known if "/" not in each)
        report.error("RG308", node.span, name, one_of(own, 12), did_you_mean(name, own))
    return name


def _more(held: Located, does: Entry, moments: Moments, report: Report) -> dict[str, str | int]:
    """What else is said of it."""
    known = keys.TOLD[does.key]
    told: dict[str, str | int] = {}
    for entry in held:
        if entry is does or entry.key in _WHEN:
            continue
        if entry.key not in known:
            allowed = (*known, *_WHEN)
            report.error(
                "RG201",
                entry.span,
                entry.key,
                f"beside {does.key}: {one_of(allowed)}",
                did_you_mean(entry.key, allowed),
            )
        elif entry.key in keys.INSTANTS_TOLD:
            if (at := moments.read(entry.value, report)) is not None:
                told[entry.key] = at
        elif isinstance(entry.value, Scalar) and entry.value.text:
            told[entry.key] = entry.value.text
        else:
            report.error("RG203", entry.value.span, found(entry.value), "a text or a number")
    return told


def _instant(entry: Entry | None, moments: Moments, report: Report) -> int | None:
    return None if entry is None else moments.read(entry.value, report)
