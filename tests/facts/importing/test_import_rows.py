"""What becomes of the rows of a small shop: taken, refused with their line and reason, or kept as they were."""

import csv
import gzip
import io
from threading import Thread

import psycopg
import pytest

from engine.facts.importing.errors import MappingError, SourceError
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
    assert shop.rows("select payment_method, total_minor from orders where number = '1002'") == [("card", 300)]


def test_one_file_alone_finds_the_list_to_look_up_in_beside_it(shop):
    shop.mapping = shop.mapping.replace("  lines: lines.csv\n", "  lines: lines.csv\n  groups: groups.csv\n").replace(
        "columns: {key: article}",
        "columns: {key: article, category: {column: group, lookup: {file: groups, by: code, take: name}}}",
    )
    shop.files["lines.csv"] = "number,line,article,price,group\n1001,1,tea,12.50,1\n1001,2,cup,7,9\n"
    shop.files["groups.csv"] = "code,name\n1,drinks\n"
    shop.load()
    source, mapping = shop.write()
    assert counts(run(shop.url, shop.state, source / "lines.csv", mapping))["products"] == (0, 0, 2, 0, 0)
    assert shop.rows("select key, category from products order by key") == [("cup", "9"), ("tea", "drinks")]


def test_a_value_in_the_mapping_is_read_like_a_cell(shop):
    fields = "price: {value: 5}, launched_at: {value: 2018-01-08}, attributes: {made: {value: here}, no: line}"
    shop.mapping = shop.mapping.replace("columns: {key: article}", f"columns: {{key: article, {fields}}}")
    shop.load()
    assert shop.rows("select key, price_minor, launched_at::text, attributes from products order by key") == [
        ("cup", 500, "2018-01-07 23:00:00+00", {"made": "here", "no": "2"}),
        ("tea", 500, "2018-01-07 23:00:00+00", {"made": "here", "no": "1"}),
    ]


def test_a_key_that_another_row_holds_ends_the_import_with_a_reason(shop):
    shop.mapping += "  coupons:\n    file: coupons\n    columns: {code: code, pool: pool, key: occasion}\n"
    shop.mapping = shop.mapping.replace("  lines: lines.csv\n", "  lines: lines.csv\n  coupons: coupons.csv\n")
    shop.files["coupons.csv"] = "code,pool,occasion\nA,spring,1\nB,spring,1\n"
    with pytest.raises(SourceError) as caught:
        shop.load()
    assert caught.value.code == "merge-stopped"
    assert "(key)=(1) already exists" in caught.value.found
    assert shop.rows("select from orders") == []


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
        ("2", "not-usable", "all but this cell")
    ]


def test_what_the_engine_relies_on_is_made_comparable_or_left_unknown(shop):
    shop.mapping = shop.mapping.replace(
        "      city: city\n      locale: {value: de, assumed: true}\n",
        "      city: city\n      phone: phone\n      zone: zone\n      locale: locale\n",
    )
    shop.files["people.csv"] = (
        "id,mail,city,phone,zone,locale\nanna, ANNA@x.org ,,(030) 123-4567,Europe/Berlin,pt_br\nbert,,,12,Berlin,??\n"
    )
    result = shop.load()
    assert shop.rows("select key, email, phone, zone, locale from customers order by key") == [
        ("anna", "anna@x.org", "+49301234567", "Europe/Berlin", "pt-BR"),
        ("bert", None, None, None, None),
    ]
    assert [field for _, _, field, _ in shop.refused(result)] == ["locale", "phone", "zone"]


def test_a_currency_that_is_none_refuses_its_row(shop):
    shop.mapping = shop.mapping.replace("      amount: amount\n", "      amount: amount\n      currency: currency\n")
    shop.files["payments.csv"] = "number,no,kind,amount,currency\n1001,1,card,19.50,euro\n1003,1,card,5,\n"
    result = shop.load()
    assert shop.refused(result) == [("payments", "2", "currency", "not-allowed")]
    assert shop.rows("select amount_minor, currency from payments") == [(500, "EUR")]


def test_an_order_told_by_an_event_in_the_middle_of_an_import_is_the_same_order(shop):
    """The event's order is not committed when the import looks for it, and stands in its way when it inserts."""
    shop.load()
    shop.add("orders.csv", "1004,bert,delivered,2018-04-01 10:00:00,2018-04-01 11:00:00,")
    waiting = "select count(*) from pg_locks where not granted"
    threads = []

    def tell_an_event(event, watcher):
        while watcher.execute(waiting).fetchone() == (0,):
            pass
        event.commit()

    def progress(what, _done, _total):
        if what == "merge orders" and not threads:
            event, watcher = psycopg.connect(shop.url), psycopg.connect(shop.url, autocommit=True)
            event.execute(
                "insert into orders (shop_id, number, customer_id, placed_at, currency, channel) select s.id, '1004',"
                " c.id, '2018-04-01 08:00Z', 'EUR', 'mail' from shops s, customers c where c.key = 'bert'"
            )
            threads.append((Thread(target=tell_an_event, args=(event, watcher)), event, watcher))
            threads[0][0].start()

    result = shop.load(progress=progress)
    thread, *connections = threads[0]
    thread.join()
    for connection in connections:
        connection.close()
    assert counts(result)["orders"] == (0, 1, 3, 0, 0)
    assert shop.rows("select channel, status, paid_at is not null from orders where number = '1004'") == [
        ("mail", "delivered", True)
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


def test_payments_that_are_refused_are_no_part_of_a_new_orders_total(shop):
    shop.add("payments.csv", "1003,1,card,99.00")
    shop.load()
    assert shop.rows("select payment_method, total_minor from orders where number = '1003'") == [("bank_slip", 1250)]


def test_an_amount_in_another_currency_is_no_part_of_an_orders_total(shop):
    shop.mapping = shop.mapping.replace("      amount: amount\n", "      amount: amount\n      currency: currency\n")
    shop.files["payments.csv"] = "number,no,kind,amount,currency\n1001,1,card,19.50,EUR\n1001,2,card,900,JPY\n"
    shop.load()
    assert shop.rows("select amount_minor, currency from payments order by sequence") == [(1950, "EUR"), (900, "JPY")]
    assert shop.rows("select total_minor from orders where number = '1001'") == [(1950,)]


def test_a_product_that_changes_makes_what_was_derived_of_its_buyers_old(shop):
    shop.mapping = shop.mapping.replace("columns: {key: article}", "columns: {key: article, category: kind}")
    shop.files["lines.csv"] = "number,line,article,price,kind\n1001,1,tea,12.50,drink\n1003,1,cup,7,\n"
    shop.load()
    shop.files["lines.csv"] = shop.files["lines.csv"].replace("drink", "gift")
    assert counts(shop.load())["products"] == (0, 1, 1, 0, 0)
    assert shop.rows("select key, fact_version from customers order by key") == [("anna", 2), ("bert", 1)]


NASTY = [
    "\\N", "\\.", "\\", "\t", "a\tb\\nc", "'; drop table orders; --", "\x00", "\x7f", "\u2028", "\ufeff", "\U0010ffff",
    "٣", "nan", "Infinity", "-Infinity", "inf", "1e400", "1e3", "0x10", "1_000", "+-1", "-0", "9" * 30, "1.0", ".5",
    "epoch", "now", "today", "infinity", "0000-00-00", "0001-01-01", "9999-12-31 23:59:59", "99999-01-01", "24:00",
    "2018-01-08 10:00:60", "2018-01-08 10:२0:00", "2018-01-08T10:00:00+99:00", "2018-W02-1", "20180108",
    "true", "TRUE", "si", "x" * 5000, "é" * 5000, "{{id}}", "%s", "{}", "null", " ", "\r", "a\rb",
]  # fmt: skip


def test_no_text_whatever_in_any_cell_breaks_an_import(shop):
    def rows_of(header, sound):
        return [
            [
                nasty if index == place else str(1000 + 10 * number + place) if text == "#" else text
                for index, text in enumerate(sound)
            ]
            for number, nasty in enumerate(NASTY)
            for place in range(len(header))
        ]

    for name, sound in {
        "people.csv": ["#", "a@b.org", "Ulm"],
        "orders.csv": ["#", "anna", "created", "2018-01-08 10:00:00", "2018-01-08 10:00:00", "2018-01-08"],
        "payments.csv": ["1001", "#", "card", "5"],
        "reviews.csv": ["#", "1001", "5", "text", "2018-01-08"],
    }.items():
        header = shop.files[name].splitlines()[0].split(",")
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows_of(header, sound))
        shop.files[name] += text.getvalue()
    result = shop.load()
    assert {code for *_, code in shop.refused(result)} >= {"bad-text", "bad-integer", "bad-instant", "bad-amount"}
    for table in result.tables:
        assert table.unchanged == 0
        assert table.new + table.repeated + table.refused == table.rows


def test_rows_that_the_merge_refuses_by_the_thousand_are_all_written_with_their_text(shop, refused_rows):
    shop.add("payments.csv", *(f"none{number},1,card,1.00" for number in range(20_000)))
    result = shop.load()
    (file,) = [file for file in result.files if file.refused_file]
    rows = refused_rows(file.refused_file)
    assert [row["row"] for row in rows] == [f"none{number},1,card,1.00" for number in range(20_000)]


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


def test_a_choice_by_the_newest_order_needs_the_orders_accounts(shop):
    shop.mapping = shop.mapping.replace("    file: people\n", "    file: people\n    several: newest_order\n", 1)
    with pytest.raises(MappingError) as caught:
        shop.load()
    assert [(issue.code, issue.line) for issue in caught.value.issues] == [("RG604", 9)]


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
