"""What an edit does to journeys under way, as written: the policy, and the moves away from steps that are gone."""

from engine.journeys.plan import END
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Scalar
from engine.language.steps.numbering import Numbering

WITHOUT_A_NAME = ("if", "switch", "end")
"""Kinds of steps at which no journey stands, and which do nothing that must be known again."""
MOST = 3
"""Places of steps without a name that are shown: the others are mended on the way."""


def check_edits(root: Mapping, policy: str, steps: Numbering, report: Report) -> None:
    """That journeys can be found their places: by names of the author's own, and moves to steps that there are.

    Args:
        root: the playbook.
        policy: pin, migrate or drain.
        steps: all its steps.
        report: takes what is wrong.
    """
    entry = root.entry("moves")
    if policy == "migrate":
        _check_names(steps, report)
    elif entry is not None:
        found = f"moves, and edits: {policy}"
        report.error("RG504", entry.span, found, "moves beside controls: {edits: migrate}", "nobody is moved otherwise")
        return
    if entry is not None and isinstance(entry.value, Mapping):
        for move in entry.value:
            _check_move(move, steps, report)


def _check_names(steps: Numbering, report: Report) -> None:
    """A made-up name such as wait-2 is another step's as soon as one is written before it."""
    unnamed = [(span, kind) for span, kind in steps.unnamed if kind not in WITHOUT_A_NAME]
    for span, kind in unnamed[:MOST]:
        more = f"; {len(unnamed)} steps have none" if len(unnamed) > 1 else ""
        hint = f"journeys under way find their places by it{more}"
        report.error("RG505", span, f"a step {kind} without an id", "an id, since edits: migrate", hint)


def _check_move(move: Entry, steps: Numbering, report: Report) -> None:
    if move.key in steps.places:
        report.error("RG504", move.span, move.key, "a step that this version no longer has", "whoever is there stays")
    target = move.value
    if isinstance(target, Scalar) and target.text != END and target.text not in steps.places:
        known = [*steps.places, END]
        hint = did_you_mean(target.text, known) or ""
        report.error("RG308", target.span, target.text, f"a step of this playbook, or end: {one_of(known)}", hint)
