"""Orders and attributes over them, for property tests; small domains, so that edges and ties are met often."""

from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Compare
from tests.conditions.strategies import trees

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 1_700_000_000 * SECOND
CURRENCY = "EUR"
ORDERS = RELATIONS["orders"]

_NEAR = [-9 * DAY, -3 * DAY - 7, -DAY - 1, -DAY, -DAY + 1, -5 * 3600 * SECOND, -10 * SECOND, -1, 0, 1, DAY]
instants = st.sampled_from([NOW + offset for offset in _NEAR])
maybe = st.none() | instants
amounts = st.none() | st.sampled_from([0, 1, -1, 250, 2**63 - 1, -(2**63), 2**53 + 1])

order_values = st.fixed_dictionaries(
    {
        "@at": instants,
        "paid_at": maybe,
        "delivered_at": maybe,
        "estimated_at": maybe,
        "cancelled_at": maybe,
        "told_at": instants,
        "counts": st.sampled_from([True, True, True, False]),
        "closed": st.sampled_from([None, None, "cancelled"]),
        "channel": st.sampled_from([None, "ad", "mail", "Ünï"]),
        "total": amounts,
        "currency": st.sampled_from(["EUR", "EUR", "USD"]),
        "category": st.none() | st.frozensets(st.sampled_from(["hats", "shoes"])),
    }
)
order_lists = st.lists(order_values, max_size=6).map(
    lambda values: [{**each, "@key": f"{number:03} 1"} for number, each in enumerate(values)]
)

_FIELDS = ["channel", "total", "paid_at", "delivered_at", "estimated_at", "placed_at", "paid", "late", "delivery_days"]
_NUMBERS = ["total", "delivery_days"]
_INSTANTS = ["placed_at", "paid_at", "delivered_at", "estimated_at", "cancelled_at"]
conditions = trees(
    st.sampled_from(
        [
            Compare(name="paid", operator="eq", operand=True),
            Compare(name="late", operator="eq", operand=True),
            Compare(name="late", operator="eq", operand=False),
            Compare(name="cancelled", operator="eq", operand=True),
            Compare(name="channel", operator="in", operands=("ad", "Ünï")),
            Compare(name="channel", operator="unknown"),
            Compare(name="total", operator="gte", amounts=(("EUR", 1),)),
            Compare(name="category", operator="has_any", operands=("hats",)),
            Compare(name="delivered_at", operator="known"),
            Compare(name="delivery_days", operator="lt", operand=1),
        ]
    )
)
wheres = st.none() | conditions
_SOURCES = {
    "count": st.sampled_from(["orders", *(f"orders.{name}" for name in _FIELDS)]),
    "exists": st.sampled_from(["orders", "orders.paid_at"]),
    "none": st.sampled_from(["orders", "orders.paid_at"]),
    "sum": st.sampled_from([f"orders.{name}" for name in _NUMBERS]),
    "min": st.sampled_from([f"orders.{name}" for name in (*_NUMBERS, *_INSTANTS)]),
    "max": st.sampled_from([f"orders.{name}" for name in (*_NUMBERS, *_INSTANTS)]),
    "first": st.sampled_from([f"orders.{name}" for name in _FIELDS]),
    "last": st.sampled_from([f"orders.{name}" for name in _FIELDS]),
    "distinct": st.sampled_from(["orders.channel", "orders.category"]),
    **dict.fromkeys(
        ("days_since", "days_since_first", "interval", "median_interval", "hour", "weekday"),
        st.sampled_from([f"orders.{name}" for name in _INSTANTS]),
    ),
    "mean": st.sampled_from([f"orders.{name}" for name in _NUMBERS]),
    "top": st.sampled_from(["orders.channel", "orders.category", "orders.delivery_days"]),
    "share": st.just("orders"),
    "streak": st.just("orders"),
}
_TYPES = {
    "distinct": st.sampled_from(["set", "integer"]),
    "mean": st.sampled_from(["decimal", "integer"]),
    "share": st.just("decimal"),
    "median_interval": st.just("decimal"),
}
AGGREGATES = sorted(_SOURCES)


@st.composite
def definitions(draw, aggregate=None):
    """An attribute over orders."""
    chosen = aggregate or draw(st.sampled_from(AGGREGATES))
    kind = draw(_TYPES.get(chosen, st.just("integer")))
    return AttributeDefinition(
        name="x",
        title="x",
        type=kind,
        scale=draw(st.integers(0, 4)) if kind == "decimal" else None,
        that=draw(conditions) if chosen in ("share", "streak") else None,
        aggregate=chosen,
        of=draw(_SOURCES[chosen]),
        where=draw(wheres),
        within_seconds=draw(st.none() | st.sampled_from([10, 86_400])),
        by=draw(st.none() | st.sampled_from(_INSTANTS)) if chosen in ("first", "last") else None,
    )


def facts(orders, zone="America/Sao_Paulo"):
    """A customer with these orders."""
    rows = [
        ORDERS.row(order["@at"], order["@key"], **{name: value for name, value in order.items() if name[0] != "@"})
        for order in orders
    ]
    return CustomerFacts(1, zone, {"orders": rows})
