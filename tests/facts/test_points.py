"""The ledger of points: nothing is lost or made, the oldest go first, and what is owed is paid by what comes next."""

from datetime import UTC, datetime, timedelta

import psycopg
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.points import Entry, New, customers_with_expired, expire, ledger, read_entries, reverse, spend, write
from tests.facts.shop import Shop

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return T0 + timedelta(days=days)


def earned(number: int, points: int, day: float, available: float | None = None, expires: float | None = None) -> Entry:
    return Entry(number, "earn", points, at(day), at(day if available is None else available), expires and at(expires))


def test_the_oldest_are_spent_first_and_what_is_left_of_each_lot_expires():
    found = ledger([earned(1, 100, 0, expires=30), earned(2, 100, 1), Entry(3, "spend", -130, at(2), at(2))])
    assert [lot.left for lot in found.lots] == [0, 70]
    assert found.balance(at(2)) == found.balance(at(40)) == 70


def test_pending_points_cannot_be_spent_yet_and_expired_ones_no_more():
    found = ledger([earned(1, 50, 0, available=14), earned(2, 20, 0, expires=10)])
    assert [found.balance(at(day)) for day in (0, 10, 13.9, 14)] == [20, 0, 0, 50]


def test_a_refund_after_its_points_were_spent_is_owed_and_paid_by_what_is_earned_next():
    entries = [
        earned(1, 100, 0),
        Entry(2, "spend", -80, at(1), at(1)),
        Entry(3, "reverse", -100, at(2), at(2), lot=1),
    ]
    assert ledger(entries).balance(at(2)) == -80
    assert ledger([*entries, earned(4, 100, 3)]).balance(at(3)) == 20


MOVES = st.lists(
    st.tuples(st.sampled_from(["earn", "earn", "spend", "expire", "reverse"]), st.integers(1, 50), st.integers(0, 5)),
    max_size=30,
)


@given(MOVES)
def test_what_was_earned_is_left_spent_expired_or_taken_back_and_the_balance_is_the_sum_of_entries(moves):
    entries: list[Entry] = []
    for number, (kind, points, back) in enumerate(moves, 1):
        day = at(number)
        if kind == "earn":
            entries.append(earned(number, points, number))
            continue
        lots = [lot for lot in ledger(entries).lots if lot.left]
        if kind == "spend" and ledger(entries).balance(day) >= points:
            entries.append(Entry(number, "spend", -points, day, day))
        elif kind in ("expire", "reverse") and lots:
            lot = lots[back % len(lots)]
            gone = lot.left if kind == "expire" else lot.entry.points
            entries.append(Entry(number, kind, -gone, day, day, lot=lot.entry.id))
    found = ledger(entries)
    left = sum(lot.left for lot in found.lots)
    assert left - found.debt == sum(entry.points for entry in entries)
    assert found.balance(at(len(moves) + 1)) == left - found.debt
    assert all(0 <= lot.left <= lot.entry.points for lot in found.lots)


def test_in_the_database_each_entry_is_written_once_and_the_end_of_a_lot_is_noted(connection: psycopg.Connection):
    shop = Shop(connection)
    customer = shop.customer
    lot = New("k1", "earn", 100, at(0), at(14), at(30))
    for _ in range(2):
        write(connection, customer, lot)
    assert not spend(connection, customer, "k2", 1, at(13))
    assert spend(connection, customer, "k2", 30, at(14))
    assert customers_with_expired(connection, at(29), 10) == []
    assert customers_with_expired(connection, at(30), 10) == [customer]
    for _ in range(2):
        expire(connection, customer, at(31))
    entries = [(entry.kind, entry.points) for entry in read_entries(connection, customer)]
    assert entries == [("earn", 100), ("spend", -30), ("expire", -70)]
    assert customers_with_expired(connection, at(31), 10) == []


def test_a_refund_takes_back_its_share_once_also_of_what_is_pending(connection: psycopg.Connection):
    shop = Shop(connection)
    order = shop.order("1", "2026-03-01")
    customer = shop.customer
    write(connection, customer, New("k1", "earn", 101, at(0), at(14), order_id=order))
    reverse(connection, customer, "r1", order, at(3), (1, 2))
    reverse(connection, customer, "r1", order, at(3), (1, 2))
    assert ledger(read_entries(connection, customer)).balance(at(14)) == 51
    reverse(connection, customer, "r2", order, at(4))
    assert ledger(read_entries(connection, customer)).balance(at(14)) == 0
