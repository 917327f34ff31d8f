"""Facts that come by an import, without events: they stop journeys, release what waited, and tell the currency."""

from datetime import timedelta

from engine.dispatch.accept import accept_waiting
from engine.dispatch.catch_up import stop_overtaken
from engine.facts.event_contracts import load_contracts
from engine.facts.reporting import Reporting
from tests.workflows.rules import make_rules
from tests.workflows.shop import Shop, now


def _import_payment(shop: Shop, order: int) -> int:
    """What an import does: writes the instant and names the order as changed; gives the journeys it stopped."""
    with shop.pool.connection() as connection:
        connection.execute("update orders set paid_at = now() where id = %s", (order,))
        connection.execute("create temp table changed_orders on commit drop as select %s::bigint as id", (order,))
        return stop_overtaken(connection, shop.matcher.events, shop.versions, now())


def test_a_payment_that_an_import_brings_stops_the_journey_and_tells_it(open_shop) -> None:
    shop = open_shop(make_rules())
    order = shop.place()

    stopped = _import_payment(shop, order)

    assert stopped == 1
    assert shop.row("select state, outcome from journeys") == {"state": "stopped", "outcome": "order.paid"}
    told = shop.rows("select kind, payload from outbox order by id")
    assert [row["kind"] for row in told] == ["start", "event"]
    assert told[1]["payload"] == {"event": "order.paid", "stop": True, "steps": []}


def test_an_import_that_tells_nothing_of_the_stop_leaves_the_journey_running(open_shop) -> None:
    shop = open_shop(make_rules())
    order = shop.place()
    with shop.pool.connection() as connection:
        connection.execute("create temp table changed_orders on commit drop as select %s::bigint as id", (order,))
        assert stop_overtaken(connection, shop.matcher.events, shop.versions, now()) == 0

    assert shop.row("select state from journeys")["state"] == "running"


def test_a_payment_told_before_an_import_brought_its_order_becomes_a_fact_afterwards(open_shop) -> None:
    shop = open_shop(make_rules())
    paid_at = now() - timedelta(minutes=5)
    shop.pay("N-7", at=paid_at)
    with shop.pool.connection() as connection:
        assert accept_waiting(connection, shop.matcher, now()) == 0
        connection.execute("insert into customers (key, email) values ('c7', 'c7@example.invalid')")
        connection.execute(
            """insert into orders (shop_id, number, customer_id, placed_at, currency)
               select s.id, 'N-7', c.id, %s, 'EUR' from shops s, customers c where c.key = 'c7'""",
            (paid_at - timedelta(hours=1),),
        )
        assert accept_waiting(connection, shop.matcher, now()) == 1
        assert accept_waiting(connection, shop.matcher, now()) == 0

    assert shop.row("select paid_at from orders where number = 'N-7'")["paid_at"] == paid_at


def test_the_currency_is_known_once_there_is_a_shop(connection) -> None:
    reporting = Reporting(load_contracts(), None)
    assert reporting.matcher(connection).currency is None

    connection.execute("insert into shops (key, name, zone, currency) values ('main', 'Main', 'UTC', 'EUR')")

    assert reporting.matcher(connection).currency == "EUR"
    assert reporting.matcher(connection) is reporting.matcher(connection)
