"""Tags and segments: conditions with a name."""

from engine.language.issues import Report, closest
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.standing.models import SegmentModel, TagModel
from engine.language.standing.parts import Part, ask, check_name, empty, holder, part_of
from engine.language.validate import mapping, names, validate
from engine.language.values import Text
from engine.standing.definition import SegmentRule, TagRule

_OF_TAG = names(TagModel)


def compile_tags(root: Mapping, scope: Scope, report: Report) -> list[Part]:
    """Reads all tags of a file."""
    node = holder(root, "tags", report, "tags by name")
    if node is None or empty(node, "tags", report):
        return []
    return [_tag(entry, scope, report) for entry in node]


class _UsedBy(Model):
    used_by: Text


def _is_by_hand(node: Mapping) -> bool:
    value = node.get("by_hand")
    return isinstance(value, Scalar) and value.value is True


def compile_segments(root: Mapping, scope: Scope, report: Report) -> list[Part]:
    """Reads all segments of a file."""
    node = holder(root, "segments", report, "segments by name", ("used_by",))
    used_by = root.entry("used_by")
    if used_by:
        validate(_UsedBy, Mapping(used_by.span, (used_by,)), report)
    if node is None or empty(node, "segments", report):
        return []
    return [_segment(entry, scope, report) for entry in node]


def _tag(entry: Entry, scope: Scope, report: Report) -> Part:
    called = f"tag {entry.key}"
    with part_of(report, called):
        before = report.faults
        rule = _read_tag(entry, scope, report)
        sound = report.faults == before
    return Part(called, called, report, entry.span, _asks(entry), rule if sound else None, sound)


def _read_tag(entry: Entry, scope: Scope, report: Report) -> TagRule | None:
    check_name(entry, report)
    node = mapping(entry.value, report, "a tag: title and when", entry.span)
    model = validate(TagModel, node, report, at=entry.span) if node else None
    if node is None:
        return None
    when = ask(node, "when", scope, report)
    by_hand = node.entry("by_hand")
    misspelt = any(closest(each.key, _OF_TAG) == "when" for each in node if each.key not in _OF_TAG)
    if node.entry("when") is None and not misspelt and not _is_by_hand(node):
        hint = "or by_hand: true, for a tag that only people give"
        report.error("RG202", entry.span, "no key when", "the key when", hint)
    if by_hand and model and model.by_hand and node.entry("when"):
        report.error("RG210", by_hand.span, "when and by_hand", "one of when or by_hand", "people can give any tag")
    if model is None or when is None:
        return None
    expires = None if model.expires is None else model.expires.seconds
    return TagRule(
        name=entry.key, title=model.title, when=when, description=(model.description or "").strip(), expires=expires
    )


def _segment(entry: Entry, scope: Scope, report: Report) -> Part:
    called = f"segment {entry.key}"
    with part_of(report, called):
        before = report.faults
        rule = _read_segment(entry, scope, report)
        sound = report.faults == before
    return Part(called, called, report, entry.span, _asks(entry), rule if sound else None, sound)


def _read_segment(entry: Entry, scope: Scope, report: Report) -> SegmentRule | None:
    check_name(entry, report)
    node = mapping(entry.value, report, "a segment: title and when", entry.span)
    model = validate(SegmentModel, node, report, at=entry.span) if node else None
    when = ask(node, "when", scope, report) if node else None
    if model is None or when is None:
        return None
    return SegmentRule(name=entry.key, title=model.title, when=when, description=(model.description or "").strip())


def _asks(entry: Entry) -> tuple[Node, ...]:
    when = entry.value.get("when") if isinstance(entry.value, Mapping) else None
    return () if when is None else (when,)
