"""Triggers by a change of standing: `{enters: {segment: X}}`, `{leaves: {stage: X}}`, `{rises_to: {tier: [X]}}`."""

from typing import Literal

from engine.journeys.plan import ChangeKind, ChangeTrigger
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Scalar, Sequence, found
from engine.language.operands import listed
from engine.language.scope import Names
from engine.language.validate import mapping

Change = Literal["enters", "leaves", "rises_to"]
KINDS: tuple[ChangeKind, ...] = ("segment", "stage", "tier", "tag", "rfm_group")
RISING: tuple[ChangeKind, ...] = ("tier",)


def compile_change(entry: Entry, known: Names, report: Report) -> ChangeTrigger | None:
    """Reads what stands after enters, leaves or rises_to.

    Args:
        entry: The trigger's key and what it names.
        known: Parts of standing with the names that are declared.
        report: Gets every issue.
    """
    kinds = RISING if entry.key == "rises_to" else KINDS
    node = mapping(entry.value, report, f"a part of standing, such as {{{kinds[0]}: NAME}}", entry.span)
    if node is None:
        return None
    unknown = [each for each in node if each.key not in kinds]
    for each in unknown:
        report.error("RG201", each.span, each.key, one_of(kinds), did_you_mean(each.key, kinds))
    if len(node.entries) != 1:
        given = one_of(node.keys()) or "nothing"
        report.error("RG210", node.span, given, f"one of {one_of(kinds)}", "several triggers go into any: […]")
    if unknown or len(node.entries) != 1:
        return None
    names = _names(node.entries[0], known, report)
    return (
        ChangeTrigger.model_validate({"change": entry.key, "kind": node.entries[0].key, "names": names})
        if names
        else None
    )


def _names(entry: Entry, known: Names, report: Report) -> tuple[str, ...]:
    typed = known.get(entry.key)
    if typed is None:
        report.error("RG313", entry.span, entry.key, f"rules that give a {entry.key}", "there is no file of it")
        return ()
    items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    names = []
    for item in items:
        text = item.text if isinstance(item, Scalar) and isinstance(item.value, str) else ""
        if not text:
            at = entry.span if isinstance(item, Scalar) and item.value is None else item.span
            report.error("RG203", at, found(item), f"the name of a {entry.key}, or a list of names")
        elif listed(item, text, typed, report) is not None:
            names.append(text)
    if not items:
        report.error("RG211", entry.value.span, "an empty list", f"the name of a {entry.key}")
    return tuple(dict.fromkeys(names)) if len(names) == len(items) else ()
