"""What becomes of the rows of a small shop: taken, refused with their line and reason, or kept as they were."""

import gzip

import psycopg
import pytest

from engine.facts.importing.errors import SourceError
from engine.facts.importing.run import run
from engine.facts.migrate import upgrade


def counts(result):
    return {
        table.relation: (table.new, table.changed, table.unchanged, table.repeated, table.refused)
        for table in result.tables
    }


def test_a_whole_shop_becomes_facts(shop):
    result = shop.load()
    assert counts(result) == {
        "customers": (2, 0, 0, 0, 0),
        "products": (2, 0, 0, 1, 0),
        "orders": (3, 0, 0, 0, 0),
        "order_lines": (3, 0, 0, 0, 0),
        "payments": (3, 0, 0, 0, 0),
        "shipments": (1, 0, 0, 0, 0),
        "reviews": (1, 0, 0, 0, 0),
        "consents": (4, 0, 0, 0, 0),
    }
    assert shop.rows("select key, email, city, country, assumed from customers order by key") == [
        ("anna", "anna@example.org", "Bonn", "DE", ["country", "locale"]),
        ("bert", None, "Köln", "DE", ["country", "locale"]),
    ]
    assert shop.rows(
        "select number, status, closed, payment_method, total_minor, currency, assumed from orders order by number"
    ) == [
        ("1001", "delivered", None, "card", 1950, "EUR", ["currency"]),
        ("1002", "canceled", "cancelled", None, None, "EUR", ["currency"]),
        ("1003", "created", None, "bank_slip", 1250, "EUR", ["currency"]),
    ]
    assert shop.rows("select body from reviews") == [('Good, "very" good\nindeed',)]
    assert shop.rows("select distinct purpose, granted, at, assumed from consents order by 1") == [
        ("marketing", True, None, ["granted"]),
        ("service", True, None, ["granted"]),
    ]


def test_the_same_files_again_change_nothing(shop):
    shop.load()
    before = shop.rows("select xmin::text, ctid::text, * from orders order by id")
    result = shop.load()
    assert all(table.new == table.changed == 0 for table in result.tables)
    assert result.orders_changed == 0
    assert shop.rows("select xmin::text, ctid::text, * from orders order by id") == before


def test_a_gzipped_file_is_read_like_a_plain_one(shop):
    shop.files["people.csv.gz"] = gzip.compress(shop.files.pop("people.csv").encode())
    assert counts(shop.load())["customers"] == (2, 0, 0, 0, 0)


def test_one_file_alone_imports_what_comes_from_it(shop):
    shop.load()
    shop.add("payments.csv", "1002,1,card,3.00")
    source, _ = shop.write()
    result = run(shop.url, shop.state, source / "payments.csv", shop.directory / "mapping.yaml")
    assert counts(result) == {"payments": (1, 0, 3, 0, 0)}


def test_customers_become_known_to_intake_by_their_key(shop):
    shop.load()
    assert shop.rows(
        "select i.key, i.platform, c.key from customer_identities i join customers c on c.id = i.customer_id order by 1"
    ) == [("anna", "shop", "anna"), ("bert", "shop", "bert")]


@pytest.mark.parametrize(
    ("file", "row", "field", "code"),
    [
        ("payments.csv", "1003,2,card,12,5x", "", "wrong-width"),
        ("payments.csv", '1003,2,card,"12,5x"', "amount", "bad-amount"),
        ("payments.csv", "1003,2,card,12.505", "amount", "bad-amount"),
        ("payments.csv", "1003,2,card,1e3", "amount", "bad-amount"),
        ("payments.csv", "1003,2,card,", "amount", "missing-value"),
        ("payments.csv", "1003,two,card,1.00", "no", "bad-integer"),
        ("payments.csv", "1003,99999999999,card,1.00", "no", "bad-integer"),
        ("payments.csv", "9999,1,card,1.00", "number", "unknown-reference"),
        ("payments.csv", "1003,1,slip,13.00", "sequence", "conflicting-row"),
        ("orders.csv", "1004,nobody,created,2018-01-08 10:00:00,,", "person", "unknown-reference"),
        ("orders.csv", "1004,anna,created,2018-13-45,,", "placed", "bad-instant"),
        ("orders.csv", "1004,anna,created,2018-02-30 10:00:00,,", "placed", "bad-instant"),
        ("orders.csv", "1004,anna,created,,,", "placed", "missing-value"),
        ("lines.csv", "1003,2,tea,12.50 EUR", "price", "bad-amount"),
        ("reviews.csv", "r2,1001,6,,", "stars", "bad-integer"),
        ("reviews.csv", 'r2,1001,5,"not closed,2018-01-12 00:00:00', "", "broken-quote"),
        ("reviews.csv", 'r2,1001,5,"closed" early,2018-01-12 00:00:00', "", "broken-quote"),
        ("reviews.csv", "r2,1001,5,with \x00 NUL,2018-01-12 00:00:00", "text", "bad-text"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_others_are_taken(shop, refused_rows, file, row, field, code):
    line = str(shop.files[file].count("\n") + 1)
    shop.add(file, row)
    result = shop.load()
    alias = file.removesuffix(".csv")
    assert (alias, line, field, code) in shop.refused(result)
    assert result.refused == 1
    (path,) = [each.refused_file for each in result.files if each.refused_file]
    assert row.replace("\x00", "\\x00") in [each["row"] for each in refused_rows(path)]
    assert len(shop.rows("select from orders")) == 3
    assert len(shop.rows("select from payments")) == 3


def test_bytes_that_are_no_text_refuse_only_their_row(shop):
    shop.files["people.csv"] = b"id,mail,city\nanna,,Bonn\n" + b"bert,,K\xf6ln\n" + b"carl,,Ulm\n"
    result = shop.load()
    assert shop.refused(result)[0] == ("people", "3", "city", "bad-encoding")
    assert shop.rows("select key from customers order by key") == [("anna",), ("carl",)]


def test_a_file_in_another_encoding_is_read_as_the_mapping_says(shop):
    shop.mapping = shop.mapping.replace("people: people.csv", "people: {name: people.csv, encoding: latin-1}")
    shop.files["people.csv"] = "id,mail,city\nanna,,Köln\nbert,,Ulm\n".encode("latin-1")
    shop.load()
    assert shop.rows("select city from customers order by key") == [("Köln",), ("Ulm",)]


def test_semicolons_and_decimal_commas_are_read_as_the_mapping_says(shop):
    shop.mapping = shop.mapping.replace(
        "payments: payments.csv", 'payments: {name: payments.csv, delimiter: ";", decimal: ","}'
    )
    shop.files["payments.csv"] = "number;no;kind;amount\n1001;1;card;19,50\n"
    shop.load()
    assert shop.rows("select amount_minor from payments") == [(1950,)]


def test_an_order_of_an_unknown_customer_takes_its_lines_with_it(shop):
    shop.add("orders.csv", "1004,nobody,created,2018-01-08 10:00:00,,2018-01-09 10:00:00")
    shop.add("lines.csv", "1004,1,tea,12.50")
    result = shop.load()
    assert sorted(shop.refused(result)) == [
        ("lines", "5", "number", "unknown-reference"),
        ("orders", "5", "number", "unknown-reference"),
        ("orders", "5", "person", "unknown-reference"),
    ]
    assert {file.alias: file.refused for file in result.files}["orders"] == 1


def test_the_same_row_twice_is_one_row(shop):
    shop.add("payments.csv", "1003,1,slip,12.50")
    result = shop.load()
    assert counts(result)["payments"] == (3, 0, 0, 1, 0)
    assert result.refused == 0


def test_an_unusable_address_is_left_unknown_and_said(shop, refused_rows):
    shop.files["people.csv"] = "id,mail,city\nanna,not an address,Bonn\nbert,,Ulm\n"
    result = shop.load()
    assert shop.rows("select key, email from customers order by key") == [("anna", None), ("bert", None)]
    assert result.refused == 0
    (people,) = [file for file in result.files if file.alias == "people"]
    assert people.lost_cells == 1
    assert [(row["line"], row["code"], row["taken"]) for row in refused_rows(people.refused_file)] == [
        ("2", "bad-address", "all but this cell")
    ]


def test_an_empty_cell_takes_nothing_away(shop):
    shop.load()
    shop.files["orders.csv"] = shop.files["orders.csv"].replace("2018-01-08 10:05:00", "")
    assert counts(shop.load())["orders"] == (0, 0, 3, 0, 0)
    assert shop.rows("select count(*) from orders where paid_at is not null") == [(1,)]


def test_a_changed_row_changes_its_fact_and_nothing_else(shop):
    shop.load()
    recorded = dict(shop.rows("select number, recorded_at from orders"))
    shop.files["orders.csv"] = shop.files["orders.csv"].replace("02:30:00,,", "02:30:00,2018-03-26 09:00:00,")
    result = shop.load()
    assert counts(result)["orders"] == (0, 1, 2, 0, 0)
    assert result.orders_changed == 1
    now = dict(shop.rows("select number, recorded_at from orders"))
    assert [number for number in now if now[number] > recorded[number]] == ["1003"]


def test_a_value_map_can_say_that_there_is_none(shop):
    shop.load()
    shop.files["orders.csv"] = shop.files["orders.csv"].replace("canceled", "created")
    shop.load()
    assert shop.rows("select closed from orders where number = '1002'") == [(None,)]


def test_what_is_assumed_never_replaces_what_was_told(shop):
    with psycopg.connect(shop.url) as connection:
        connection.execute("insert into customers (key, locale) values ('anna', 'en')")
    shop.load()
    assert shop.rows("select locale, country, assumed from customers where key = 'anna'") == [("en", "DE", ["country"])]
    assert all(table.changed == 0 for table in shop.load().tables)


def test_a_told_value_ends_an_assumption(shop):
    shop.load()
    shop.mapping = shop.mapping.replace("{value: de, assumed: true}", "language")
    shop.files["people.csv"] = "id,mail,city,language\nanna,,Bonn,fr\nbert,,,\n"
    shop.load()
    assert shop.rows("select key, locale, city, assumed from customers order by key") == [
        ("anna", "fr", "Bonn", ["country"]),
        ("bert", "de", "Köln", ["country", "locale"]),
    ]


def test_a_later_payment_changes_its_order_and_moves_its_customer(shop):
    shop.load()
    before = dict(shop.rows("select key, fact_version from customers"))
    shop.add("payments.csv", "1003,2,card,100.00")
    changed = []

    def told(connection):
        changed.extend(
            connection.execute("select number from orders join changed_orders using (id) order by 1").fetchall()
        )

    result = shop.load(after_merge=told)
    assert changed == [("1003",)]
    assert counts(result)["payments"] == (1, 0, 3, 0, 0)
    assert shop.rows("select payment_method, total_minor from orders where number = '1003'") == [("card", 11250)]
    assert dict(shop.rows("select key, fact_version from customers")) == {
        "anna": before["anna"],
        "bert": before["bert"] + 1,
    }


def test_a_dry_run_says_everything_and_keeps_nothing(shop):
    shop.add("payments.csv", "9999,1,card,1.00")
    result = shop.load(dry_run=True)
    assert counts(result)["orders"] == (3, 0, 0, 0, 0)
    assert shop.refused(result) == [("payments", "5", "number", "unknown-reference")]
    for table in ("shops", "customers", "orders", "imports"):
        assert shop.rows(f"select from {table}") == []
    assert shop.rows("select tablename from pg_tables where tablename like 'staged%'") == []


def test_a_failing_hook_leaves_nothing_half_done(shop):
    def fail(_connection):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        shop.load(after_merge=fail)
    assert shop.rows("select from orders") == []
    assert counts(shop.load())["orders"] == (3, 0, 0, 0, 0)


def test_nothing_of_the_work_is_left_behind(shop):
    shop.load()
    assert shop.rows("select tablename from pg_tables where tablename like 'staged%'") == []
    assert shop.rows("select stage, rows_taken from imports where stage = 'done'") == [("done", 19)]


def test_an_import_goes_into_the_schema_it_is_told(shop):
    upgrade(shop.url, "replay_one")
    shop.load(schema="replay_one")
    assert shop.rows("select from public.orders") == []
    assert shop.rows("select count(*) from replay_one.orders") == [(3,)]


def test_the_newest_order_decides_where_a_customer_lives(shop):
    shop.mapping = (
        shop.mapping.replace(
            "  customers:\n    file: people\n", "  customers:\n    file: people\n    several: newest_order\n"
        )
        .replace("customer: person", "identity: person")
        .replace(
            "  consents:",
            "  customer_identities:\n    file: people\n    columns: {key: account, customer: id}\n  consents:",
        )
    )
    shop.files["people.csv"] = "account,id,mail,city\na1,anna,,Bonn\na2,anna,,Mainz\nb1,bert,,Ulm\n"
    shop.files["orders.csv"] = (
        "number,person,state,placed,paid,sent\n1001,a1,created,2018-05-01 10:00:00,,\n"
        "1002,a2,created,2018-01-01 10:00:00,,\n1003,b1,created,2018-01-01 10:00:00,,\n"
    )
    result = shop.load()
    assert counts(result)["customers"] == (2, 0, 0, 1, 0)
    assert shop.rows("select key, city from customers order by key") == [("anna", "Bonn"), ("bert", "Ulm")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no-header"),
        ("id,mail,city\nanna,,Bonn\n".encode("utf-16"), "not-text"),
        (gzip.compress(b"id,mail,city\n" + b"anna,,Bonn\n" * 9999)[:-30], "damaged-file"),
    ],
)
def test_a_file_that_is_no_csv_ends_the_import_with_a_reason(shop, content, code):
    shop.files["people.csv"] = content
    with pytest.raises(SourceError) as caught:
        shop.load()
    assert caught.value.code == code
    assert "people.csv" in caught.value.place
    assert shop.rows("select from customers") == []


def test_a_source_that_is_not_there_is_said(shop):
    _, mapping = shop.write()
    with pytest.raises(SourceError) as caught:
        run(shop.url, shop.state, shop.directory / "elsewhere", mapping)
    assert caught.value.code == "no-source"
