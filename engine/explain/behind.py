"""What an attribute's value comes from: the rows that count, by the shop's own names, or other attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS
from engine.attributes.rows import compile_row
from engine.conditions.ast import Did, names
from engine.conditions.environment import Catalogue, Known
from engine.conditions.trace import trace_where
from engine.conditions.types import Value
from engine.explain.proof import Behind, Fact, Instant, Valued
from engine.explain.words import Wording, length

MOST_FACTS = 5
_DEEPEST = 3
_PADDED = frozenset({"lines", "payments"})
"""Relations whose key ends in a number that is padded, so that it sorts."""
_LAST = frozenset({"days_since", "last", "max"})
_FIRST = frozenset({"days_since_first", "first", "min"})
_HOW = {
    "count": "number of {of}", "exists": "whether there are {of}", "none": "whether there are no {of}",
    "share": "share of {of}", "streak": "latest {of} without a break", "sum": "sum of {of}", "mean": "mean of {of}",
    "min": "least of {of}", "max": "most of {of}", "first": "first of {of}", "last": "latest of {of}",
    "distinct": "different values of {of}", "top": "most frequent of {of}", "days_since": "days since the last of {of}",
    "days_since_first": "days since the first of {of}", "interval": "days between the last two of {of}",
    "median_interval": "median of the days between {of}", "hour": "most frequent hour of {of}",
    "weekday": "most frequent weekday of {of}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Counted:
    """A row that counts: its instant, key, fields and the value read of it."""

    row: Row
    fields: Mapping[str, Value]
    value: Value

    @property
    def at(self) -> int:
        at = self.row[0]
        return at if isinstance(at, int) else 0


class Sources:
    """Says what the values of one customer's attributes come from, as of an instant.

    Args:
        attributes: the declared attributes by name.
        words: the rules' word lists by name.
        wording: the words of values and clauses.
    """

    def __init__(
        self,
        attributes: Mapping[str, AttributeDefinition],
        words: Mapping[str, tuple[str, ...]],
        wording: Wording,
    ) -> None:
        self._attributes, self._wording = attributes, wording
        self._words = tuple(sorted((name, tuple(each)) for name, each in words.items()))

    def valued(self, name: str, facts: CustomerFacts, at: int, values: Mapping[str, Value], depth: int = 0) -> Valued:
        """An attribute with its value and what that comes from."""
        definition, value = self._attributes[name], values.get(name)
        shown = self._wording.value(value, definition.type, definition.unit)
        return Valued(name, definition.title, value, shown, self.behind(name, facts, at, values, depth))

    def behind(
        self, name: str, facts: CustomerFacts, at: int, values: Mapping[str, Value], depth: int = 0
    ) -> Behind | None:
        """What the value of an attribute comes from; None where there is no such attribute."""
        definition = self._attributes.get(name)
        if definition is None or depth > _DEEPEST:
            return None
        if definition.aggregate == "ratio":
            made = [each for each in (definition.of, definition.over) if each is not None and each in self._attributes]
            parts = tuple(self.valued(each, facts, at, values, depth + 1) for each in made)
            return Behind(f"{definition.of} divided by {definition.over}", parts=parts)
        relation = RELATIONS[definition.of.partition(".")[0]]
        if relation.at is None:
            return self._of_person(definition, relation, facts, at)
        return self._of_rows(definition, relation, facts, at)

    def _of_person(self, definition: AttributeDefinition, relation: Relation, facts: CustomerFacts, at: int) -> Behind:
        field = definition.of.partition(".")[2]
        told = {"age": "years since ", "days_since": "days since "}.get(definition.aggregate, "")
        how = f"{told}the customer's {field}"
        rows = facts.rows.get(relation.name, ())
        if not rows:
            return Behind(how)
        value = self._fields(relation, rows[0], facts, at).get(field)
        shown = self._wording.value(value, relation.fields[field].type)
        return Behind(how, (Fact(relation.name, str(rows[0][1]), None, f"{field} {shown}"),), 1)

    def _of_rows(self, definition: AttributeDefinition, relation: Relation, facts: CustomerFacts, at: int) -> Behind:
        counted = self._counted(definition, relation, facts, at)
        deciding = _deciding(definition, counted)
        order = [deciding] if deciding else sorted(counted, key=lambda each: (-each.at, str(each.row[1])))
        told = tuple(self._fact(definition, relation, each, each is deciding) for each in order[:MOST_FACTS])
        return Behind(self._how(definition, relation), told, len(counted))

    def _how(self, definition: AttributeDefinition, relation: Relation) -> str:
        field = definition.of.partition(".")[2]
        of = f"{relation.name}.{field}" if field else relation.name
        told = [_HOW[definition.aggregate].format(of=of)]
        if definition.where is not None:
            told.append(f"where {self._wording.clause(definition.where)}")
        if definition.that is not None:
            told.append(f"that have {self._wording.clause(definition.that)}")
        if definition.within_seconds is not None:
            told.append(f"in the last {length(definition.within_seconds)}")
        return " ".join(told)

    def _counted(
        self, definition: AttributeDefinition, relation: Relation, facts: CustomerFacts, at: int
    ) -> list[_Counted]:
        field = definition.of.partition(".")[2]
        since = None if definition.within_seconds is None else at - definition.within_seconds * 1_000_000
        types = {name: each.type for name, each in relation.fields.items()}
        catalogue = Catalogue(types, {}, self._wording.currency)
        found = []
        for row in facts.rows.get(relation.name, ()):
            fields = self._fields(relation, row, facts, at)
            if not fields or (since is not None and isinstance(row[0], int) and row[0] <= since):
                continue
            if definition.where is not None and not trace_where(definition.where, fields, catalogue).verdict:
                continue
            value = fields.get(field) if field else None
            if value is not None or not field or definition.aggregate in ("share", "streak"):
                found.append(_Counted(row, fields, value))
        return found

    def _fields(self, relation: Relation, row: Row, facts: CustomerFacts, at: int) -> Mapping[str, Value]:
        return compile_row(relation.name, self._wording.currency, "", self._words)(row, at, facts.zone)

    def _fact(self, definition: AttributeDefinition, relation: Relation, counted: _Counted, decides: bool) -> Fact:  # noqa: FBT001 -- a state
        field = definition.of.partition(".")[2]
        asked = [*((field,) if field else ()), *(sorted(names(definition.that)) if definition.that else ())]
        told = [
            f"{each} {self._wording.value(counted.fields.get(each), relation.fields[each].type)}"
            for each in dict.fromkeys(asked)
            if each in relation.fields and each != relation.instant
        ]
        return Fact(relation.name, _key(relation, counted), Instant(counted.at), ", ".join(told), decides)


def _key(relation: Relation, counted: _Counted) -> str:
    """The shop's name for a row: the number of its order where it has one, then its own."""
    number = counted.fields.get("number")
    if number is None or "order_id" not in relation.fields:
        return str(counted.row[1])
    own = str(counted.row[1]).removeprefix(str(number)).strip().partition(" ")[2]
    own = own.lstrip("0") if relation.name in _PADDED else own
    return f"{number}/{own}" if own else str(number)


def _deciding(definition: AttributeDefinition, counted: Sequence[_Counted]) -> _Counted | None:
    """The row that alone gives the value, if one does; of equals the one whose key decides."""
    known = [each for each in counted if each.value is not None]
    if not known or definition.aggregate not in _LAST | _FIRST:
        return None
    take = max if definition.aggregate in _LAST else min
    if definition.aggregate in ("first", "last"):
        by = definition.by
        ordered = [each for each in known if by is None or each.fields.get(by) is not None]
        return take(ordered, key=lambda each: (each.fields.get(by) if by else each.at, each.row[1]), default=None)
    return take(known, key=lambda each: (each.value, each.row[1]))


def counted_events(did: Did, known: Known, catalogue: Catalogue) -> Behind | None:
    """The events that a `did` counts, latest first; None where there are none."""
    fields = Catalogue(catalogue.events.get(did.event, {}), {}, catalogue.currency)
    since = None if did.within_seconds is None else known.now - did.within_seconds * 1_000_000
    counted = [
        (at, row)
        for at, row in known.events(did.event)
        if at <= known.now
        and (since is None or at > since)
        and (did.where is None or trace_where(did.where, row, fields).verdict)
    ]
    if not counted:
        return None
    latest = sorted(counted, key=lambda each: (-each[0], str(each[1].get("number"))))
    told = tuple(Fact(did.event, str(row.get("number") or ""), Instant(at), "") for at, row in latest[:MOST_FACTS])
    return Behind(did.event, told, len(counted))
