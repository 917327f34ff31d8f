"""Whatever a sender sends becomes a fact or is kept: nothing raises, nothing leaves half a fact."""

import json

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telling import LATER, eur, placed

from engine.facts.events import Recorded, Refused
from engine.facts.intake import record_json

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["\x00", "\ud800", "12,5x", "2018-13-45", "9" * 400, "1e9999", "main", "c1", "1001", "NaN"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
SOUND = placed(payments=[{"method": "card", "amount": eur("1.00")}], estimated_at="2025-03-05T00:00:00Z").to_json()


def paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from paths(part, (*path, name))


PLACES = list(paths(SOUND))[1:]


def mutated(told, path, replacement):
    copy = json.loads(json.dumps(told))
    place = copy
    for name in path[:-1]:
        place = place[name]
    if replacement is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = replacement
    return copy


def check(connection, contracts, told):
    with connection.transaction(force_rollback=True):
        outcome = record_json(connection, told, recorded_at=LATER, contracts=contracts)
        orders, kept = connection.execute(
            "select (select count(*) from orders), (select count(*) from refused_events where replayed_at is null)"
        ).fetchone()
        assert isinstance(outcome, Recorded | Refused)
        assert (orders, kept) == ((1, 0) if isinstance(outcome, Recorded) else (0, 1))
        if isinstance(outcome, Refused):
            assert outcome.code
            assert outcome.reason


QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(told=JSON)
def test_any_json_is_kept_as_malformed(connection: psycopg.Connection, contracts, told):
    check(connection, contracts, told)


@QUICK
@given(path=st.sampled_from(PLACES), replacement=st.one_of(JSON, st.just(...)))
def test_an_order_with_anything_in_any_place_is_taken_or_kept(
    connection: psycopg.Connection, contracts, path, replacement
):
    check(connection, contracts, mutated(SOUND, path, replacement))


def test_endless_nesting_is_kept_as_far_as_it_can_be(connection, contracts):
    deep: object = "bottom"
    for _ in range(900):
        deep = [deep]
    check(connection, contracts, mutated(SOUND, ("data", "status"), deep))
    check(connection, contracts, deep)


def test_a_sum_that_cannot_be_kept_is_refused(connection, contracts):
    line = {"product": "p", "quantity": 1_000_000, "unit_price": eur("999999999999999.99")}
    told = mutated(SOUND, ("data", "lines"), [line])
    check(connection, contracts, told)
    refused = record_json(connection, told, recorded_at=LATER, contracts=contracts)
    assert refused.code == "contract_violation"


def test_two_lines_of_one_number_are_refused(connection, contracts):
    line = {"product": "p", "unit_price": eur("1.00")}
    for name, parts in (
        ("lines", [{**line, "line": 2}, line]),
        ("payments", [{"sequence": 1, "method": "card", "amount": eur("1")}] * 2),
    ):
        refused = record_json(connection, mutated(SOUND, ("data", name), parts), recorded_at=LATER, contracts=contracts)
        assert refused.code == "contract_violation"
        assert refused.reason.startswith(name)
