"""Real customers explained: one in each of three segments, found by plain SQL, and one who is outside."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.explain import text
from engine.explain.answer import Explainer
from engine.explain.customers import Customer, read_case
from engine.explain.proof import Explained
from engine.language.rules import load_rules

AS_OF = datetime(2018, 9, 1, tzinfo=UTC)
_ONE_ORDER = """
select c.id, c.key from customers c join orders o on o.customer_id = c.id
  join (select order_id, sum(amount_minor) as cents from payments group by 1) y on y.order_id = o.id
 where (select count(*) from orders x where x.customer_id = c.id) = 1 and o.closed is null and o.paid_at <= %(at)s
   and o.placed_at > %(at)s - {newest}::interval and o.placed_at <= %(at)s - {oldest}::interval and {more}
 order by c.key limit 1
"""
_LATE = (
    "o.delivered_at > %(at)s - interval '29 days' and o.delivered_at <= %(at)s"
    " and o.delivered_at > o.estimated_at + interval '2 days'"
)
_INSIDE = {
    "bought-3-6mo": ("180 days", "90 days", "true"),
    "let-down-by-logistics": (
        "60 days",
        "1 day",
        _LATE,
    ),
    "lost-worth-recall": ("700 days", "366 days", "y.cents >= 100000"),
}


def _who(connection: psycopg.Connection, newest: str, oldest: str, more: str) -> Customer:
    query = _ONE_ORDER.format(newest=f"'{newest}'", oldest=f"'{oldest}'", more=more)
    row = connection.execute(query, {"at": AS_OF}).fetchone()
    assert row is not None
    return Customer(*row)


def _explained(connection: psycopg.Connection, who: Customer, rule: str) -> Explained:
    rules = load_rules(Path("rules"))
    standings = Standings(rules, StoredVersions({rules.version: rules}), "BRL")
    explainer = Explainer(rules, standings.catalogue, standings.judge)
    return explainer.explain(read_case(connection, standings, who, AS_OF, past=True), rule, why_not=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("segment", _INSIDE)
def test_a_real_customer_is_proved_to_be_in_a_segment(olist_database: str, segment: str) -> None:
    with psycopg.connect(olist_database) as connection:
        found = _explained(connection, _who(connection, *_INSIDE[segment]), segment)
    assert found.proof is not None
    assert found.proof.verdict
    assert found.why_not is not None
    assert not found.why_not.clauses
    words = text.explained(found, text.Clock(found.decided.zone))
    assert "order " in words
    assert len(words.splitlines()) < 80


@pytest.mark.timeout(600)
def test_a_real_customer_outside_is_told_the_two_clauses_that_fail(olist_database: str) -> None:
    with psycopg.connect(olist_database) as connection:
        who = _who(connection, "120 days", "95 days", "y.cents < 5000")
        found = _explained(connection, who, "lost-worth-recall")
    assert found.proof is not None
    assert not found.proof.verdict
    assert found.why_not is not None
    assert [each.words for each in found.why_not.clauses] == ["stage is lost", "spend_ever is at least 1000.00 BRL"]
