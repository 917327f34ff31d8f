"""A comparison, a guard or a window that is a little wrong in either evaluation is noticed by comparing the two."""

import pytest

from engine.attributes import accumulate, rowcode
from engine.attributes.definition import AttributeDefinition
from engine.conditions import expression
from engine.conditions.ast import All, Compare, Not
from engine.query import conditions, rows
from engine.query.run import connect
from tests.query.loading import load
from tests.query.population import ATS, POLICY_ZONE
from tests.query.test_attributes import PEOPLE, differing


@pytest.fixture(scope="module")
def database():
    """A database in memory with people in it."""
    with connect(memory="500MB", threads=1) as connection:
        load(connection, PEOPLE, otherwise=POLICY_ZONE)
        yield connection


def counting(name, relation, where=None, within=None):
    return AttributeDefinition(
        name=name, title=name, type="integer", aggregate="count", of=relation, where=where, within_seconds=within
    )


SOME = {
    each.name: each
    for each in (
        counting("dear", "orders", Compare(name="total", operator="gte", amounts=(("EUR", 1),))),
        counting("many", "lines", Compare(name="quantity", operator="gte", operand=3)),
        counting("not_dear", "orders", Not(part=Compare(name="total", operator="lt", amounts=(("EUR", 1),)))),
        counting("bounded", "orders", All(parts=(Compare(name="pieces", operator="lt", operand=3),))),
        counting("not_mail", "orders", Compare(name="channel", operator="not_in", operands=("mail",))),
        counting("day", "orders", within=86_400),
        counting("ten_seconds", "site_events", within=10),
    )
}


def noticed(database, named=None, of=None):
    """Whether the two differ as of any of the instants; an evaluation that breaks differs."""
    try:
        return any(differing(database, named or SOME, at, of=of or SOME) for at in ATS.values())
    except TypeError:
        return True


def longer(seconds):
    """The definitions with longer windows."""
    return {
        name: each.model_copy(update={"within_seconds": each.within_seconds and each.within_seconds + seconds})
        for name, each in SOME.items()
    }


def test_the_two_agree_as_they_are(database):
    assert not noticed(database)


def test_a_null_guard_removed_from_the_query_is_noticed(database, monkeypatch):
    monkeypatch.setattr(conditions, "is_not_true", lambda condition: f"(NOT {condition})")
    assert noticed(database)


def test_a_null_guard_removed_from_the_fold_is_noticed(database, monkeypatch):
    known = expression.Writer._known
    monkeypatch.setattr(expression.Writer, "_known", lambda self, name: ("True", known(self, name)[1]))
    assert noticed(database)


@pytest.mark.parametrize(("right", "wrong"), [("gte", ">"), ("lt", "<=")])
@pytest.mark.parametrize("backend", [conditions, expression])
def test_a_bound_that_takes_in_too_much_or_too_little_is_noticed(database, monkeypatch, backend, right, wrong):
    monkeypatch.setitem(backend._SYMBOLS, right, wrong)
    assert noticed(database)


@pytest.mark.parametrize("seconds", [1, -1])
def test_a_window_off_by_a_second_is_noticed_in_either(database, seconds):
    assert noticed(database, named=longer(seconds))
    assert noticed(database, of=longer(seconds))


def test_a_window_of_the_fold_that_holds_its_far_edge_is_noticed(database, monkeypatch):
    monkeypatch.setattr(accumulate, "_window", lambda within: "" if within is None else f"r_at >= since{within}")
    assert noticed(database)


def test_a_window_of_the_query_that_holds_its_far_edge_is_noticed(database, monkeypatch):
    made = rows.Rows._made
    monkeypatch.setattr(
        rows.Rows, "_made", lambda self, text, *uses: made(self, text.replace(" > $at", " >= $at"), *uses)
    )
    assert noticed(database)


def test_a_fact_that_the_query_knows_too_early_is_noticed(database, monkeypatch):
    stored = rows.Rows._stored

    def unguarded(self, name, of):
        return self._layers.read(f'"t".{rows.sql.name(name)}') if of.since else stored(self, name, of)

    monkeypatch.setattr(rows.Rows, "_stored", unguarded)
    paid = counting("paid", "orders", Compare(name="paid_at", operator="known"))
    assert any(differing(database, {"paid": paid}, at) for at in ATS.values())


def test_a_local_hour_that_ignores_the_zone_is_noticed(database, monkeypatch):
    hours = counting("early", "orders", Compare(name="placed_hour", operator="lt", operand=3))
    assert not any(differing(database, {"early": hours}, at) for at in ATS.values())
    monkeypatch.setitem(rowcode.CLOCKS, "hour", lambda _: lambda at: at // 3_600_000_000 % 24)
    assert any(differing(database, {"early": hours}, at) for at in ATS.values())
