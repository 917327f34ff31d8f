"""Attributes over every relation and field, and conditions over their rows, for property tests."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Compare
from tests.conditions.strategies import trees
from tests.query.loading import PURCHASES
from tests.query.population import ATS, TEXTS, WINDOWS, WORDS

ROWS = [name for name, relation in RELATIONS.items() if relation.at is not None]
_ORDERED = ("integer", "money", "instant", "date")
_NUMBERS = ("integer", "money")
_FITTING = {
    "sum": _NUMBERS,
    "mean": _NUMBERS,
    "min": _ORDERED,
    "max": _ORDERED,
    "distinct": ("string", "set"),
    "top": ("string", "set", "integer"),
    **dict.fromkeys(("days_since", "days_since_first", "interval", "median_interval", "hour", "weekday"), ("instant",)),
    **dict.fromkeys(("count_of", "exists_of", "none_of", "first", "last"), (*_ORDERED, "boolean", "string", "set")),
}
AGGREGATES = sorted({"count", "exists", "none", "share", "streak", *_FITTING})
_OF_PERSON = {"value": (*_ORDERED, "boolean", "string"), "age": ("date",), "days_since": ("instant",)}
_OPERANDS = {
    "integer": st.sampled_from([-1, 0, 1, 2, 5]),
    "money": st.sampled_from([-1, 0, 1, 100, 2**53 + 1, 2**63 - 1]),
    "boolean": st.booleans(),
    "string": st.sampled_from(TEXTS),
    "set": st.sampled_from([*TEXTS, *WORDS]),
    "date": st.sampled_from(["2000-02-29", "1970-01-01"]),
    "instant": st.sampled_from(
        [(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat() for at in ATS.values()]
    ),
}
_LISTS = {"integer": ["in", "not_in"], "string": ["in", "not_in"], "set": ["has_any", "has_all", "has_none"]}


@st.composite
def comparisons(draw, relation: Relation):
    """A comparison that a `where` of the relation could hold."""
    name = draw(st.sampled_from(_fields(relation.name)))
    kind = relation.fields[name].type
    operators = ["known", "unknown", "eq", *_LISTS.get(kind, [])]
    operators += ["lt", "lte", "gt", "gte"] if kind in _ORDERED else []
    operator = draw(st.sampled_from(operators))
    if operator in ("known", "unknown"):
        return Compare(name=name, operator=operator)
    if operator in ("in", "not_in", "has_any", "has_all", "has_none"):
        return Compare(name=name, operator=operator, operands=tuple(draw(st.lists(_OPERANDS[kind], max_size=3))))
    if kind == "money":
        amounts = tuple((each, draw(_OPERANDS[kind])) for each in draw(st.sampled_from([("EUR",), ("USD", "EUR")])))
        return Compare(name=name, operator=operator, amounts=amounts)
    return Compare(name=name, operator=operator, operand=draw(_OPERANDS[kind]))


def wheres(relation: Relation):
    """Conditions over the relation's rows, more often plain than deep."""
    leaves = comparisons(relation)
    return st.one_of(leaves, leaves, trees(leaves))


@st.composite
def definitions(draw, aggregate: str):
    """An attribute of an aggregation over any relation that has a field for it."""
    kinds = _FITTING.get(aggregate)
    relation = RELATIONS[draw(st.sampled_from([name for name in ROWS if kinds is None or _fields(name, kinds)]))]
    source = (
        relation.name if kinds is None else f"{relation.name}.{draw(st.sampled_from(_fields(relation.name, kinds)))}"
    )
    field = relation.fields[source.partition(".")[2]].type if kinds else None
    kind = draw(_type(aggregate, field))
    return AttributeDefinition(
        name="x",
        title="x",
        type=kind,
        scale=draw(st.integers(0, 9)) if kind == "decimal" else None,
        that=draw(wheres(relation)) if aggregate in ("share", "streak") else None,
        aggregate=aggregate.partition("_of")[0],
        of=source,
        where=draw(st.none() | wheres(relation)),
        within_seconds=draw(st.none() | st.sampled_from(WINDOWS)),
        by=draw(st.none() | st.sampled_from(_fields(relation.name, _ORDERED)))
        if aggregate in ("first", "last")
        else None,
    )


@st.composite
def of_person(draw):
    """An attribute of the customer's own row."""
    aggregate = draw(st.sampled_from(sorted(_OF_PERSON)))
    field = draw(st.sampled_from(_fields("customer", _OF_PERSON[aggregate])))
    kind = RELATIONS["customer"].fields[field].type if aggregate == "value" else "integer"
    return AttributeDefinition(name="x", title="x", type=kind, aggregate=aggregate, of=f"customer.{field}")


def _fields(relation: str, kinds: tuple[str, ...] | None = None) -> list[str]:
    """Names of the fields of these types, hidden ones too; lists of purchases have none."""
    fields = RELATIONS[relation].fields.items()
    return sorted(
        name for name, each in fields if (kinds is None or each.type in kinds) and name not in PURCHASES[relation]
    )


def _type(aggregate: str, field: str | None):
    match aggregate:
        case "exists" | "exists_of" | "none" | "none_of":
            return st.just("boolean")
        case "share" | "median_interval":
            return st.just("decimal")
        case "mean":
            return st.sampled_from(["decimal", field])
        case "distinct":
            return st.sampled_from(["set", "integer"])
        case "top":
            return st.just("string" if field == "set" else field)
        case "sum" | "min" | "max" | "first" | "last":
            return st.just(field)
        case _:
            return st.just("integer")
