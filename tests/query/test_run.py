"""Statements executed: in batches, in parts, within their memory, with what they need beside the tables."""

from dataclasses import replace
from itertools import pairwise

import duckdb
import pytest

from engine.attributes.definition import AttributeDefinition
from engine.attributes.fold import compile_fold
from engine.query.attributes import compile_attributes
from engine.query.run import batches, connect, part_ranges, write
from tests.query.loading import differences, load, queried
from tests.query.population import ATS, CURRENCY, POLICY_ZONE, WORDS, population

AT = ATS["a month's end"]
PEOPLE = population(seed=9, size=40)


def attribute(name, aggregate, of, kind, **more):
    return AttributeDefinition(name=name, title=name, type=kind, aggregate=aggregate, of=of, **more)


SOME = {
    "spend": attribute("spend", "sum", "orders.total", "money"),
    "hour": attribute("hour", "hour", "orders.placed_at", "integer"),
    "age": attribute("age", "age", "customer.birthday", "integer"),
    "words": attribute("words", "distinct", "reviews.keywords", "set"),
}


@pytest.fixture
def database():
    """A database in memory with people in it."""
    with connect(memory="500MB", threads=2) as connection:
        load(connection, PEOPLE, otherwise=POLICY_ZONE)
        yield connection


def folded():
    fold = compile_fold(SOME, currency=CURRENCY, words=WORDS)
    return {each.customer_id: fold(each, AT) for each in PEOPLE}


def statement(**more):
    return compile_attributes(SOME, currency=CURRENCY, words=WORDS, zone=POLICY_ZONE, **more)


@pytest.mark.parametrize("parts", [1, 3, 100])
def test_everybody_in_parts_is_everybody_once(database, parts):
    assert write(database, statement(parts=True), AT, "found", parts=parts) == len(PEOPLE)
    rows = database.execute("SELECT customer, spend, hour, age, words FROM found").fetchall()
    found = {row[0]: dict(zip(SOME, row[1:], strict=True)) for row in rows}
    sets = {key: {**each, "words": frozenset(each["words"])} for key, each in found.items()}
    assert differences(sets, folded()) == []


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("names", [(), ("country",), ("age",)], ids=["nothing", "no instant", "an instant"])
def test_only_what_a_statement_names_is_bound(database, names, parts):
    of_person = {**SOME, "country": attribute("country", "value", "customer.country", "string")}
    asked = compile_attributes(of_person, currency=CURRENCY, zone=POLICY_ZONE, names=names, parts=parts)
    assert write(database, asked, AT, "found") == len(PEOPLE)


def test_parts_hold_about_as_many_people_each(database):
    ranges = list(part_ranges(database, 4))
    assert len(ranges) == 4
    assert all(one[1] == other[0] for one, other in pairwise(ranges))
    sizes = [sum(low <= each.customer_id < high for each in PEOPLE) for low, high in ranges]
    assert sum(sizes) == len(PEOPLE)
    assert max(sizes) - min(sizes) <= 2


def test_a_part_gives_its_customers_alone(database):
    found = queried(database, statement(parts=True), AT, (3, 6))
    assert sorted(found) == [3, 4, 5]


def test_nobody_at_all_is_no_rows(database):
    load(database, [])
    assert batches(database, statement(), AT).read_all().num_rows == 0
    assert write(database, statement(parts=True), AT, "found", parts=3) == 0


def test_another_zone_of_the_policy_is_known_too(database):
    for zone in (POLICY_ZONE, "Asia/Tokyo"):
        asked = compile_attributes(SOME, currency=CURRENCY, words=WORDS, zone=zone)
        people = [replace(each, zone=zone) if each.zone == POLICY_ZONE else each for each in PEOPLE]
        fold = compile_fold(SOME, currency=CURRENCY, words=WORDS)
        assert differences(queried(database, asked, AT), {each.customer_id: fold(each, AT) for each in people}) == []


def test_word_lists_that_change_are_other_functions(database):
    before, after = statement(), compile_attributes(SOME, currency=CURRENCY, words={"gift": ["gift"]}, zone=POLICY_ZONE)
    assert before.functions.keys().isdisjoint(after.functions)
    queried(database, before, AT)
    fold = compile_fold(SOME, currency=CURRENCY, words={"gift": ["gift"]})
    assert differences(queried(database, after, AT), {each.customer_id: fold(each, AT) for each in PEOPLE}) == []


def test_what_does_not_fit_into_memory_is_spilled(tmp_path):
    asked = {
        "spend": attribute("spend", "sum", "orders.total", "money"),
        "top": attribute("top", "top", "orders.channel", "string"),
        "channels": attribute("channels", "distinct", "orders.channel", "integer"),
    }
    with connect(tmp_path / "facts.duckdb", memory="120MB", threads=1, spill=tmp_path / "spill") as database:
        load(database, [])
        database.execute("INSERT INTO people SELECT range, 'UTC', 1, range::VARCHAR FROM range(400000)")
        database.execute(
            'INSERT INTO orders (customer, "@at", "@key", channel, currency, total)'
            " SELECT range % 400000, range, range::VARCHAR, 'channel ' || range % 11, 'EUR', range FROM range(2000000)"
        )
        statement = compile_attributes(asked, currency=CURRENCY)
        database.execute("SET max_temp_directory_size = '0KB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            write(database, statement, AT, "found")
        database.execute("SET max_temp_directory_size = '2GB'")
        assert write(database, statement, AT, "found") == 400_000
        counted = database.execute("SELECT sum(spend), max(channels), min(channels) FROM found").fetchone()
        assert counted == (sum(range(2_000_000)), 5, 5)
        assert database.execute("SELECT top FROM found WHERE customer = 7").fetchone() == (f"channel {1_600_007 % 11}",)


def test_no_extension_is_loaded_on_its_own(database):
    settings = "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'"
    assert database.execute(settings).fetchall() == [("false",), ("false",)]
