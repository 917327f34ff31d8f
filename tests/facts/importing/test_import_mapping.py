"""A mapping's mistakes: each with its code, line, column and a hint, all at once."""

from pathlib import Path

import pytest

from engine.facts.importing.errors import MappingError
from engine.facts.importing.load import load, parse
from engine.facts.importing.mapping import pieces

HEAD = """\
shop: {key: corner, name: Corner, zone: Europe/Berlin, currency: EUR}
files: {people: people.csv, orders: orders.csv, odd: {name: odd.csv}}
tables:
"""
SOUND = "  customers: {file: people, columns: {key: id}}\n"


def issues(text):
    with pytest.raises(MappingError) as caught:
        parse(text, Path("mapping.yaml"))
    return [(issue.code, issue.line, issue.column, issue.found) for issue in caught.value.issues]


def test_a_sound_mapping_has_none():
    assert [table.target.name for table in parse(HEAD + SOUND, Path("mapping.yaml")).tables] == ["customers"]


ORDERS = "  orders: {file: orders, columns: {number: a, placed_at: b, customer: c, total: ^{of: payments"


@pytest.mark.parametrize(
    ("line", "code", "found"),
    [
        ("  ^custmers: {file: people, columns: {key: id}}", "RG304", "custmers"),
        ("  customers: {file: ^poeple, columns: {key: id}}", "RG601", "poeple"),
        ("  customers: {file: people, columns: {key: id, ^mail: m}}", "RG303", "mail"),
        ("  ^customers: {file: people, columns: {email: m}}", "RG603", "customers without key"),
        ("  customers: {file: people, ^column: {key: id}}", "RG201", "column"),
        ("  customers: {file: people, columns: {key: ^5}}", "RG203", "5"),
        ("  customers: {file: people, columns: {key: {^colum: id}}}", "RG201", "colum"),
        ("  customers: {file: people, columns: {key: ^{case: lower}}}", "RG210", "none of them"),
        ("  customers: {file: people, columns: {key: ^{column: a, value: b}}}", "RG210", "column and value"),
        ('  customers: {file: people, columns: {key: ^{template: "{{id"}}}', "RG605", "{{id"),
        ("  customers: {file: people, columns: {key: {column: a, ^assumed: true}}}", "RG604", "assumed in key"),
        ("  customers: {file: people, columns: {key: {column: a, otherwise: ^skip}}}", "RG204", "skip"),
        ("  customers: {file: people, columns: {key: {column: a, ^zone: UTC}}}", "RG604", "zone in key"),
        ("  customers: {file: people, columns: {key: a, known_since: {column: a, zone: ^Here}}}", "RG212", "Here"),
        ("  customers: {file: people, columns: {key: ^{column: a, lookup: {file: o, by: x, take: y}}}}", "RG601", "o"),
        ("  customers: {file: people, several: ^newest, columns: {key: id}}", "RG204", "newest"),
        ("  products: {file: people, columns: {key: a, attributes: ^size}}", "RG203", "size"),
        ("  consents: {file: people, each: {^granted: [b]}, columns: {customer: a, purpose: b}}", "RG303", "granted"),
        (
            "  ^orders: {file: orders, columns: {number: a, placed_at: b}}",
            "RG603",
            "orders without customer or identity",
        ),
        ("  customers: {file: people, columns: {key: ^{template: same}}}", "RG604", "same"),
        (
            "  customers: {file: people, columns: {key: a, birthday: {column: b, ^format: x}}}",
            "RG604",
            "format in birthday",
        ),
        (
            "  customers: {file: people, columns: {key: a, birthday: {column: b, ^format: '%Q'}}}",
            "RG604",
            "format in birthday",
        ),
        ("  customers: {file: people, columns: {key: a, birthday: ^{value: soon}}}", "RG203", "soon"),
        ("  customers: {file: people, columns: {key: a, zone: ^{value: Here}}}", "RG203", "Here"),
        ("  products: {file: people, columns: {key: a, price: ^{value: 12.505}}}", "RG203", "12.505"),
        ("  products: {file: people, columns: {key: a, currency: b, price: ^{value: 5}}}", "RG604", "5"),
        (
            "  consents: {file: people, each: {purpose: [a]}, columns: {customer: a, ^purpose: c, granted: b}}",
            "RG309",
            "purpose",
        ),
        (ORDERS + ", sum: amont}}}", "RG303", "amont"),
        (ORDERS + "}}}", "RG210", "of payments"),
        (ORDERS + ", sum: method}}}", "RG401", "method"),
        (ORDERS.replace("total", "status") + ", take: method}}}", "RG210", "of payments"),
    ],
)
def test_a_mistake_has_its_place(line, code, found):
    told = issues(f"{HEAD}{line.replace('^', '')}\n")
    assert (code, 4, line.index("^") + 1, found) in told
    assert {each[0] for each in told} <= {code, "RG603"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("EUR", "EURO", "RG212"),
        ("Europe/Berlin", "Berlin", "RG212"),
        ("key: corner", "key: Corner Shop", "RG208"),
        ("name: odd.csv", "name: odd.csv, encoding: klingon", "RG204"),
        ("name: odd.csv", "name: odd.csv, encoding: utf-16", "RG204"),
        ("name: odd.csv", 'name: odd.csv, delimiter: ";;"', "RG204"),
        ("shop: ", "shp: ", "RG201"),
        ("files: {", "files: [", "RG103"),
    ],
)
def test_a_mistake_above_the_tables_is_found_too(old, new, code):
    assert code in [issue[0] for issue in issues(HEAD.replace(old, new) + SOUND)]


def test_all_mistakes_are_told_at_once():
    text = HEAD + "  custmers: {}\n  products: {file: x, columns: {key: 5}}\n"
    assert [(code, line) for code, line, *_ in issues(text)] == [("RG304", 4), ("RG601", 5), ("RG203", 5)]


def test_a_mapping_that_is_not_there_is_said():
    with pytest.raises(MappingError) as caught:
        load(Path("nowhere/mapping.yaml"))
    assert caught.value.issues[0].code == "RG601"


def test_columns_and_files_that_are_missing_are_told_at_their_place_in_the_mapping(shop):
    shop.mapping = shop.mapping.replace("city: city", "city: town").replace("reviews.csv", "opinions.csv")
    shop.files["opinions.csv"] = shop.files.pop("reviews.csv")
    del shop.files["payments.csv"]
    with pytest.raises(MappingError) as caught:
        shop.load()
    assert [(each.code, each.line, each.column, each.found) for each in caught.value.issues] == [
        ("RG601", 6, 13, "payments.csv"),
        ("RG602", 14, 13, "town"),
    ]


def test_a_template_is_cut_at_its_columns():
    assert pieces("{{ a }}-{{b}}@x") == ["", "a", "-", "b", "@x"]
