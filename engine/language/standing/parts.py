"""Parts of standing: rules as read, with their places, before they are put in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.conditions.ast import Condition
from engine.language.conditions import compile_condition
from engine.language.issues import Report, Span
from engine.language.located import Entry, Mapping, Node, Scalar, is_nothing
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.validate import mapping, validate
from engine.language.values import Name
from engine.standing.definition import Lifecycle, Rfm, SegmentRule, TagRule, Tiers

Rule = TagRule | SegmentRule | Lifecycle | Tiers | Rfm


@dataclass(slots=True)
class Part:
    """One rule of standing. `name` as in the order of deciding: `tag NAME`, `segment NAME`, stage, tier, rfm.

    `rule` is None if it has errors, or for a tag that is only given by hand.
    """

    name: str
    called: str
    """What it is called where rules are listed as disabled."""
    report: Report
    at: Span
    asks: tuple[Node, ...]
    """Its conditions as written."""
    rule: Rule | None
    sound: bool


@contextmanager
def part_of(report: Report, called: str) -> Iterator[None]:
    """Issues within belong to this rule."""
    report.rule = called
    try:
        yield
    finally:
        report.rule = ""


def holder(root: Mapping, kind: str, report: Report, what: str, beside: tuple[str, ...] = ()) -> Mapping | None:
    """What stands under the key that says the file's kind, where it stands alone."""
    for entry in root:
        if entry.key != kind and entry.key not in beside:
            report.error("RG201", entry.span, entry.key, f"{kind} alone in its file")
    top = root.entry(kind)
    return None if top is None else mapping(top.value, report, what, top.span)


class _Named(Model):
    name: Name


def check_name(entry: Entry, report: Report) -> None:
    """A rule's name, which is a key."""
    scalar = Scalar(entry.span, entry.key, entry.key)
    validate(_Named, Mapping(entry.span, (Entry("name", entry.span, scalar),)), report)


def ask(node: Mapping, key: str, scope: Scope, report: Report) -> Condition | None:
    """The condition under a key; None if there is none or it has errors."""
    entry = node.entry(key)
    if entry is None:
        return None
    if is_nothing(entry.value):
        report.error("RG203", entry.span, "nothing", "a condition such as {country: DE}")
        return None
    return compile_condition(entry.value, scope, report)


def empty(node: Mapping, what: str, report: Report) -> bool:
    """Whether nothing is listed where something must be; then an issue."""
    if not node.entries:
        report.error("RG211", node.span, f"no {what}", "at least one")
    return not node.entries
