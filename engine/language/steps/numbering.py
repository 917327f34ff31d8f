"""Step ids: the author's own, or made from the kind and a number in the order of writing."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.language.issues import Report, Span
from engine.language.located import Entry, Node, Scalar, Sequence
from engine.language.located import Mapping as LocatedMapping
from engine.language.steps.block import blocks_of, kind_entry

CALLING = ("call", "webhook", "update", "coupon", "points", "move", "start")
"""Kinds of steps that call something, and have an answer or none."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """Ids of steps by the span of their entry, and the place of each id in the order of writing, from 1."""

    ids: Mapping[Span, str]
    places: Mapping[str, int]
    sends: frozenset[str]
    """Messages that conditions can ask about."""
    tasks: frozenset[str]
    """Steps that open a task."""
    coupons: frozenset[str]
    calls: Mapping[str, str]
    """Steps that call something, which conditions can ask about; each with its activity, if it names one."""
    unnamed: tuple[tuple[Span, str], ...] = ()
    """Places and kinds of steps that have no name of the author's own."""


def number(steps: Node | None, kinds: Collection[str], report: Report) -> Numbering:
    """Names every step, also those in nested blocks; an id given twice is reported."""
    found = list(_walk(steps, kinds)) if steps is not None else []
    taken: dict[str, Scalar] = {}
    for _, _, own, _ in found:
        if own is None:
            continue
        if own.text in taken:
            first = taken[own.text].span.line
            report.error("RG309", own.span, own.text, "each step id once", f"it is first given in line {first}")
        taken.setdefault(own.text, own)
    ids: dict[Span, str] = {}
    counts: Counter[str] = Counter()
    for span, kind, own, _ in found:
        ids[span] = own.text if own else _next(kind, counts, taken)
    sends = frozenset(ids[span] for span, kind, *_ in found if kind == "send")
    calls = {ids[span]: activity for span, kind, _, activity in found if kind in CALLING}
    tasks = frozenset(ids[span] for span, kind, *_ in found if kind == "task")
    coupons = frozenset(ids[span] for span, kind, *_ in found if kind == "coupon")
    places = {name: place for place, name in enumerate(dict.fromkeys(ids.values()), 1)}
    unnamed = tuple((span, kind) for span, kind, own, _ in found if own is None)
    return Numbering(ids, places, sends, tasks, coupons, calls, unnamed)


def _next(kind: str, counts: Counter[str], taken: Mapping[str, object]) -> str:
    counts[kind] += 1
    while f"{kind}-{counts[kind]}" in taken:
        counts[kind] += 1
    return f"{kind}-{counts[kind]}"


def _walk(node: Node, kinds: Collection[str]) -> Iterator[tuple[Span, str, Scalar | None, str]]:
    """Span, kind, the author's id and the activity of each step, in the order of writing."""
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and item.text == "end":
            yield item.span, "end", None, ""
        entry = kind_entry(item, kinds) if isinstance(item, LocatedMapping) else None
        if entry is None or not isinstance(item, LocatedMapping):
            continue
        moves = entry.key == "task" and isinstance(entry.value, LocatedMapping) and entry.value.entry("move")
        yield item.span, "move" if moves else entry.key, _own(item, entry), _activity(entry)
        for nested in blocks_of(item):
            yield from _walk(nested, kinds)


def _activity(entry: Entry) -> str:
    named = entry.value.get("activity") if isinstance(entry.value, LocatedMapping) else None
    return named.text if isinstance(named, Scalar) else ""


def _own(item: LocatedMapping, entry: Entry) -> Scalar | None:
    named = entry.value if isinstance(entry.value, LocatedMapping) and entry.key not in ("if", "parallel") else None
    inside = named.get("id") if named else None
    own = inside or item.get("id")
    return own if isinstance(own, Scalar) and isinstance(own.value, str) and own.text else None
