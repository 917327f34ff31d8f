"""Conditions and the values they meet, for property tests."""

from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from engine.conditions.ast import All, Any, Compare, Did, Not, StepIs
from engine.conditions.environment import Known

TYPES = {
    "number": "integer",
    "share": "decimal",
    "flag": "boolean",
    "word": "string",
    "moment": "instant",
    "day": "date",
    "words": "set",
    "spend": "money",
}
NOW = 1_000_000_000_000_000
WORDS = ["", "a", "b", "ü", "it's", 'say "x"', "{x}", "\\n"]

integers = st.one_of(st.integers(-3, 3), st.sampled_from([2**63, -(2**63), 2**53 + 1]))
instants = {"1970-01-01T00:00:00Z": 0, "1970-01-01T00:00:00.000001Z": 1, "1970-01-01T01:00:00+01:00": 0}
days = ["2024-02-29", "2024-03-01"]
shares = ["0.5", "1", "-0.10"]
_OPERANDS = {
    "number": integers,
    "share": st.sampled_from(shares),
    "flag": st.booleans(),
    "word": st.sampled_from(WORDS),
    "moment": st.sampled_from(sorted(instants)),
    "day": st.sampled_from(days),
    "words": st.sampled_from(WORDS),
    "spend": integers,
}
VALUES = {
    "number": integers,
    "share": st.sampled_from([Decimal("0.5"), Decimal("0.50"), Decimal(1), Decimal("-0.1")]),
    "flag": st.booleans(),
    "word": st.sampled_from(WORDS),
    "moment": st.sampled_from([0, 1, NOW]),
    "day": st.sampled_from([date(2024, 2, 29), date(2024, 3, 1)]),
    "words": st.frozensets(st.sampled_from(WORDS), max_size=3),
    "spend": integers,
}
_ORDERED = ["lt", "lte", "gt", "gte"]
_LISTS = ["in", "not_in"]
_SETS = ["has_any", "has_all", "has_none"]


@st.composite
def comparisons(draw, names=tuple(TYPES)):
    """A comparison that a rule could hold."""
    name = draw(st.sampled_from(names))
    kind = TYPES[name]
    operators = ["known", "unknown"]
    operators += _SETS if kind == "set" else ["eq"]
    operators += [] if kind in ("set", "boolean", "string") else _ORDERED
    operators += _LISTS if kind in ("integer", "decimal", "string", "date") else []
    operator = draw(st.sampled_from(operators))
    if operator in ("known", "unknown"):
        return Compare(name=name, operator=operator)
    if operator in (*_LISTS, *_SETS):
        operands = draw(st.lists(_OPERANDS[name], max_size=3))
        return Compare(name=name, operator=operator, operands=tuple(operands))
    if kind == "money":
        currencies = draw(st.lists(st.sampled_from(["EUR", "USD"]), min_size=1, max_size=2, unique=True))
        amounts = tuple((currency, draw(integers)) for currency in currencies)
        return Compare(name=name, operator=operator, amounts=amounts)
    return Compare(name=name, operator=operator, operand=draw(_OPERANDS[name]))


def trees(leaves, *, negated=True):
    """Conditions over leaves."""

    def larger(parts):
        groups = [
            st.lists(parts, max_size=4).map(lambda some: All(parts=tuple(some))),
            st.lists(parts, max_size=4).map(lambda some: Any(parts=tuple(some))),
        ]
        return st.one_of(*groups, *([parts.map(lambda part: Not(part=part))] if negated else []))

    return st.recursive(leaves, larger, max_leaves=8)


dids = st.builds(
    Did,
    event=st.sampled_from(["order.paid", "site.visit"]),
    where=st.none() | trees(comparisons()),
    within_seconds=st.none() | st.sampled_from([1, 10]),
    times=st.integers(0, 3),
)
step_questions = st.builds(
    lambda step, state, wanted: StepIs.model_validate({"step": step, "state": state, "is": wanted}),
    st.sampled_from(["first", "second"]),
    st.sampled_from(["sent", "clicked"]),
    st.booleans(),
)
where_conditions = trees(comparisons())
conditions = trees(st.one_of(comparisons(), comparisons(), dids, step_questions))

values = st.fixed_dictionaries({}, optional={name: st.none() | each for name, each in VALUES.items()})
mistyped = st.dictionaries(st.sampled_from(sorted(TYPES)), st.one_of(st.none(), *VALUES.values()))
happenings = st.lists(
    st.tuples(st.sampled_from([NOW + 1, NOW, NOW - 1, NOW - 1_000_000, NOW - 10_000_000]), values), max_size=4
)
states = st.sets(st.sampled_from(["sent", "clicked", "skipped"]))


def environments(attributes=values):
    """Environments as of NOW."""
    return st.builds(
        Known,
        now=st.just(NOW),
        attributes=attributes,
        happened=st.fixed_dictionaries({}, optional={"order.paid": happenings, "site.visit": happenings}),
        states=st.fixed_dictionaries({}, optional={"first": states}),
    )
