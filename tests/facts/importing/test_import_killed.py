"""An import killed anywhere goes on where it was, and ends as one that was let be."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from engine.facts.migrate import upgrade

# With the moments, how many of the five files had been read by then.
MOMENTS = {"read people": 0, "read reviews": 4, "merge payments": 5, "hook": 5, "commit": 5}
CONTENT = (
    "select key, email, city, assumed, fact_version from customers order by key",
    "select key from products order by key",
    """select number, c.key, status, closed, placed_at, paid_at, payment_method, total_minor
         from orders o join customers c on c.id = o.customer_id order by number""",
    "select number, line, unit_price_minor from order_lines join orders o on o.id = order_id order by 1, 2",
    "select number, sequence, method, amount_minor from payments p join orders o on o.id = order_id order by 1, 2",
    "select number, r.key, score, body, created_at from reviews r join orders o on o.id = order_id order by 1, 2",
    "select key, purpose, granted, c.assumed from consents c join customers p on p.id = customer_id order by 1, 2",
    "select stage, rows_read, rows_taken, rows_refused, amount from imports order by stage",
)


def content(shop):
    return [shop.rows(query) for query in CONTENT]


def kill_at(shop, moment):
    """Starts an import and kills it at the moment."""
    source, mapping = shop.write()
    script = Path(__file__).with_name("interrupted.py")
    command = [sys.executable, str(script), shop.url, str(shop.state), str(source), str(mapping), moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.kill()
    return said


@pytest.fixture
def large_shop(shop):
    """A shop whose files are several chunks, with a refused row in each of two stages."""
    shop.add("people.csv", *(f"c{number},,Ulm" for number in range(9)))
    shop.add("orders.csv", *(f"2{number:03},c{number},created,2018-04-01 10:00:00,," for number in range(9)))
    shop.add("lines.csv", *(f"2{number:03},1,tea,5.00" for number in range(9)))
    shop.add("payments.csv", *(f"2{number:03},1,card,5.00" for number in range(9)), "2000,2,card,12x", "77,1,card,1")
    return shop


@pytest.fixture
def undisturbed(large_shop):
    """What the facts are after an import that nobody disturbed, in a schema of its own."""
    upgrade(large_shop.url, "undisturbed")
    large_shop.load(schema="undisturbed")
    with psycopg.connect(large_shop.url, options="-c search_path=undisturbed -c timezone=UTC") as connection:
        return [connection.execute(query).fetchall() for query in CONTENT]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_import_that_was_killed_ends_as_one_that_was_not(large_shop, undisturbed, moment):
    assert kill_at(large_shop, moment) == "here\n"
    assert large_shop.rows("select from orders") == []
    result = large_shop.load()
    assert content(large_shop) == undisturbed
    assert sorted(large_shop.refused(result)) == [
        ("payments", "14", "amount", "bad-amount"),
        ("payments", "15", "number", "unknown-reference"),
    ]
    assert sum(file.resumed for file in result.files) == MOMENTS[moment]
    assert (
        large_shop.rows("select tablename from pg_tables where schemaname = 'public' and tablename ~ '^staged'") == []
    )


def test_an_import_killed_again_and_again_ends_all_the_same(large_shop, undisturbed):
    for moment in ("read lines", "merge customers", "commit"):
        assert kill_at(large_shop, moment) == "here\n"
    large_shop.load()
    assert content(large_shop) == undisturbed


def test_files_that_changed_after_the_kill_are_read_anew(large_shop):
    kill_at(large_shop, "merge orders")
    large_shop.add("people.csv", "dora,,Trier")
    result = large_shop.load()
    assert not any(file.resumed for file in result.files)
    assert large_shop.rows("select city from customers where key = 'dora'") == [("Trier",)]


def test_staged_rows_lost_in_a_crash_of_the_server_are_read_anew(large_shop, undisturbed):
    kill_at(large_shop, "merge customers")
    with psycopg.connect(large_shop.url) as connection:
        # A crash empties unlogged tables and leaves them there.
        names = connection.execute(
            "select format('%I', tablename) from pg_tables where tablename ~ '^staged.*(orders|refused)$'"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"truncate {name}")
    result = large_shop.load()
    assert [file.alias for file in result.files if not file.resumed] == ["orders", "payments"]
    assert content(large_shop) == undisturbed


def test_two_imports_at_once_take_turns(large_shop, undisturbed):
    source, mapping = large_shop.write()
    script = Path(__file__).with_name("interrupted.py")
    command = [sys.executable, str(script), large_shop.url, str(large_shop.state), str(source), str(mapping), "never"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["done\n", "done\n"]
    facts = [rows for query, rows in zip(CONTENT, content(large_shop), strict=True) if "imports" not in query]
    assert facts == undisturbed[:-1]
