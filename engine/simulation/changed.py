"""What differs for one customer between two versions of the rules, and added up over all customers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from engine.conditions.operands import microseconds
from engine.simulation.world import World
from engine.standing.judge import Judge
from engine.standing.order import UNNAMED

EXAMPLES = 10
_OF_A_KIND = 3
_LONGEST = 40

Event = tuple[str, str, str, str, str, str]
"""Of a timeline: the instant in UTC, what (message, coupon, points, task), playbook, step, state, reason or channel."""


@dataclass(frozen=True, slots=True)
class Example:
    """A customer, by our number, who is treated differently: what happens to her before and after."""

    customer: int
    before: tuple[Event, ...]
    after: tuple[Event, ...]


@dataclass
class Changes:
    """What differs.

    Attributes:
        messages: by playbook, step and what (`gained`, `lost`, `moved`: sent by both at another instant, `kept`):
            messages sent.
        groups: by kind (segment, stage, tier), name and `gained` or `lost`: messages sent, by what the customer is as
            of the window's end by the rules after.
        customers: `changed`, `gained` and `lost`: customers with any difference, with more of something, with less.
        examples: a few customers, by what differs, with the smallest numbers.
    """

    messages: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str], list[Example]] = field(default_factory=dict)

    def add(self, other: "Changes") -> None:
        """Takes in what differs for other customers."""
        self.messages.update(other.messages)
        self.groups.update(other.groups)
        self.customers.update(other.customers)
        for kind, examples in other.examples.items():
            both = [*self.examples.get(kind, ()), *examples]
            self.examples[kind] = sorted(both, key=lambda each: each.customer)[:_OF_A_KIND]

    def chosen(self) -> list[Example]:
        """At most ten examples: one of each difference, the most frequent first; then a second of each."""
        kinds = sorted(self.examples, key=lambda kind: (-self.messages[kind], kind))
        found: dict[int, Example] = {}
        for place in range(_OF_A_KIND):
            for kind in kinds:
                if place < len(self.examples[kind]) and len(found) < EXAMPLES:
                    each = self.examples[kind][place]
                    found.setdefault(each.customer, each)
        return list(found.values())


def compare(changes: Changes, before: World, after: World, judge: Judge | None, to: datetime) -> None:
    """Adds what differs for one customer.

    Args:
        changes: what is added to.
        before: her world under the one version of the rules, at the window's end.
        after: and under the other.
        judge: of all that the rules after say of segments, stages and tiers; None: they say nothing.
        to: the window's end.
    """
    own = Counter(dict(_differences(before, after)))
    changes.messages.update(own)
    found = {kind: many for kind, many in own.items() if kind[2] != "kept"}
    if not found:
        return
    by = Counter[str]()
    for (_, _, what), many in found.items():
        by[what] += many
    changes.customers.update({"changed": 1, **{what: 1 for what in ("gained", "lost") if by[what]}})
    for group in _groups(after, judge, to):
        changes.groups.update({(*group, what): by[what] for what in ("gained", "lost") if by[what]})
    example = Example(after.history.facts.customer_id, timeline(before), timeline(after))
    for kind in found:
        changes.examples.setdefault(kind, [])
        if len(changes.examples[kind]) < _OF_A_KIND:
            changes.examples[kind].append(example)


def _differences(before: World, after: World) -> Iterator[tuple[tuple[str, str, str], int]]:
    sides = _sent(before), _sent(after)
    for playbook, step in sorted(sides[0].keys() | sides[1].keys()):
        old, new = (side.get((playbook, step), Counter()) for side in sides)
        kept = (old & new).total()
        less, more = old.total() - kept, new.total() - kept
        moved = min(less, more)
        for what, many in (("kept", kept), ("moved", moved), ("gained", more - moved), ("lost", less - moved)):
            if many:
                yield (playbook, step, what), many


def _sent(world: World) -> dict[tuple[str, str], Counter[datetime]]:
    """The instants of messages sent, by playbook and step."""
    found: dict[tuple[str, str], Counter[datetime]] = {}
    for each in world.messages:
        if each.state == "sent":
            found.setdefault((each.playbook, each.step), Counter())[each.at] += 1
    return found


def _groups(world: World, judge: Judge | None, to: datetime) -> Iterator[tuple[str, str]]:
    """Segments, stage and tier as of the window's end."""
    if judge is None:
        return
    history = world.history
    standing = judge(
        history.facts,
        microseconds(to) - 1,
        cut_offs=world.person.published[-1][1] if world.person.published else None,
        hand_tags=history.hand_tags,
        events={kind: history.happenings(kind) for kind in judge.events},
    ).standing
    yield from (("segment", name) for name in standing.segments if not name.startswith(UNNAMED))
    for kind in ("stage", "tier"):
        name = getattr(history.standing, kind) or getattr(standing, kind)
        if name is not None:
            yield kind, name


def timeline(world: World) -> tuple[Event, ...]:
    """What the simulation did to a customer, in order."""
    messages = [
        (each.at.isoformat(), "message", each.playbook, each.step, each.state, each.reason or each.channel)
        for each in world.messages
    ]
    given = [
        (each.at.isoformat(), each.what, each.playbook, each.name, each.state, each.reason or "")
        for each in world.log
        if each.what in ("coupon", "points", "task")
    ]
    return tuple(sorted((*messages, *given))[:_LONGEST])
