"""The sample shop goes through the real import, whole."""

from pathlib import Path

import pytest

from engine.facts.events import Event, Recorded, load_contracts
from engine.facts.importing.run import run
from engine.facts.intake import record
from engine.sample import END, generate

MAPPING = Path(__file__).parents[2] / "examples" / "sample-shop" / "mapping.yaml"


@pytest.fixture
def imported(database, connection, tmp_path):
    """Rows by table as they were written, and what the import made of them."""
    written = generate(tmp_path / "shop")
    result = run(database, tmp_path / "state", tmp_path / "shop", MAPPING)
    return written, result


def test_every_row_is_taken_and_none_refused(connection, imported):
    written, result = imported
    assert {table.relation: table.refused for table in result.tables if table.refused} == {}
    assert {file.name: (file.rows, file.refused, file.lost_cells) for file in result.files} == {
        name: (rows, 0, 0) for name, rows in written.items()
    }
    for name, rows in written.items():
        table = name.removesuffix(".csv")
        assert connection.execute(f"select count(*) from {table}").fetchone() == (rows,)


def test_the_same_shop_again_changes_nothing(database, imported, tmp_path):
    run(database, tmp_path / "state", tmp_path / "shop", MAPPING)
    again = run(database, tmp_path / "other-state", tmp_path / "shop", MAPPING)
    assert {table.relation: (table.new, table.changed) for table in again.tables if table.new or table.changed} == {}


def test_what_was_written_is_what_is_known(connection, imported):
    total, shipping = connection.execute("select sum(total_minor), sum(shipping_minor) from orders").fetchone()
    paid = connection.execute("select sum(amount_minor) from payments").fetchone()[0]
    lines = connection.execute(
        "select sum(unit_price_minor * quantity - coalesce(discount_minor, 0)) from order_lines"
    ).fetchone()[0]
    discount = connection.execute("select sum(coalesce(discount_minor, 0)) from orders").fetchone()[0]
    assert total == paid == lines + shipping - discount
    assert connection.execute("select count(*) from customers where email ~ '[A-Z]'").fetchone() == (0,)
    assert connection.execute("select count(*) from orders where placed_at >= %s", [END]).fetchone() == (0,)


def test_events_go_on_where_the_import_ended(connection, imported, tmp_path):
    """The accounts that the mapping makes are the ones by which events name customers."""
    customer, number = connection.execute(
        "select c.key, o.number from orders o join customers c on c.id = o.customer_id"
        " where o.paid_at is null and o.cancelled_at is null order by o.id limit 1"
    ).fetchone()
    contracts = load_contracts()
    paid = Event("order.paid", "after-the-import", END, "sample", customer, number)
    recorded = record(connection, paid, recorded_at=END, contracts=contracts)
    assert isinstance(recorded, Recorded)
    assert recorded.fresh
    assert connection.execute("select paid_at from orders where id = %s", [recorded.order_id]).fetchone() == (END,)
