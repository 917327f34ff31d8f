"""What is known of one customer as of an instant, with nothing of what came later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import Bought, Relation
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Happening
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import HandTag, Standing

_SCHEDULED = frozenset({("coupons", "expired_at"), ("points", "available_at")})
"""Instants that are told ahead: they say when something will come true by itself."""
_CALENDAR = frozenset({"campaign_periods"})
"""Relations whose rows are planned: they are known before their instant."""


@dataclass(frozen=True, slots=True)
class GivenByHand:
    """A tag given by hand, and by whom."""

    tag: HandTag
    author: str


@dataclass(frozen=True, slots=True)
class Case:
    """One customer as of `at` (microseconds since the epoch): all that an explanation is made from.

    `previous` is the standing in the records of then, `since` when its parts were gained by the history, `version` by
    which rules it was decided; `cut_offs` are the published ones, with their number and the instant they are of.
    """

    customer: str
    facts: CustomerFacts
    at: int
    events: Mapping[str, Sequence[Happening]] = field(default_factory=dict)
    hand_tags: Sequence[GivenByHand] = ()
    previous: Standing | None = None
    since: Mapping[tuple[str, str], int] = field(default_factory=dict)
    version: str | None = None
    cut_offs: CutOffs | None = None
    cut_offs_id: int | None = None
    cut_offs_as_of: int | None = None

    @property
    def tags(self) -> tuple[HandTag, ...]:
        """The hand tags as standing is decided with."""
        return tuple(each.tag for each in self.hand_tags)


def blind(case: Case) -> Case:
    """The case with all that happened after its instant taken out, so that what is foretold knows nothing of it."""
    at = case.at
    facts = case.facts
    rows = {name: _rows(RELATIONS[name], of, at) for name, of in facts.rows.items()}
    return replace(
        case,
        facts=CustomerFacts(facts.customer_id, facts.zone, rows),
        events={kind: [each for each in of if each[0] <= at] for kind, of in case.events.items()},
        hand_tags=[_tag(each, at) for each in case.hand_tags if each.tag.at <= at],
    )


def _tag(given: GivenByHand, at: int) -> GivenByHand:
    removed = given.tag.removed_at
    return given if removed is None or removed <= at else replace(given, tag=replace(given.tag, removed_at=None))


def _rows(relation: Relation, rows: Sequence[Row], at: int) -> list[Row]:
    later = [
        slot
        for name, slot in relation.slots.items()
        if slot > 1 and relation.fields[name].since == name and (relation.name, name) not in _SCHEDULED
    ]
    lists = [
        relation.slots[each.derived.purchases] for each in relation.fields.values() if isinstance(each.derived, Bought)
    ]
    planned = relation.at is None or relation.name in _CALENDAR
    kept = [row for row in rows if planned or (isinstance(row[0], int) and row[0] <= at)]
    return [_row(row, later, lists, at) for row in kept]


def _row(row: Row, later: Sequence[int], lists: Sequence[int], at: int) -> Row:
    values = list(row)
    for slot in later:
        value = values[slot]
        if isinstance(value, int) and value > at:
            values[slot] = None
    for slot in lists:
        purchases = values[slot]
        if isinstance(purchases, list):
            values[slot] = [_purchase(each, at) for each in purchases if each[0] is not None and each[0] <= at]
    return tuple(values)


def _purchase(instants: Sequence[int | None], at: int) -> list[int | None]:
    return [None if each is not None and each > at else each for each in instants]
