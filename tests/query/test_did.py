"""Questions to the events answered for everybody, against each customer's own events and the closures of conditions."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.conditions.ast import Compare, Did
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.facts.evaluate import evaluator
from engine.facts.history import happenings
from engine.query import did
from engine.query import happenings as happening
from engine.query.did import compile_answers
from engine.query.happenings import EventCatalogue
from engine.query.run import connect, prepare
from tests.conditions.strategies import trees
from tests.query.loading import load
from tests.query.population import ATS, CURRENCY, DAY, POLICY_ZONE, SECOND, TEXTS, WORDS, population

KINDS = [*EVENT_SOURCES, "coupon.redeemed", "customer.updated", "message.clicked"]
KNOWN = evaluator({}, CURRENCY, None)
CATALOGUE = EventCatalogue(KNOWN.catalogue.events, KNOWN.event_fields, CURRENCY, POLICY_ZONE, WORDS)
WITHIN = [None, 1, 10, 86_400, 30 * 86_400, 400 * 86_400]
_NUMBERS = [-1, 0, 1, 2, 3, 100]


def once(person: CustomerFacts) -> CustomerFacts:
    """Without rows that an event as told would be known by alike, and without orders that have no number."""
    rows = dict(person.rows)
    for source in EVENT_SOURCES.values():
        relation, seen, kept = RELATIONS[source.relation], set(), []
        for row in rows.get(source.relation, ()):
            same = tuple(row[relation.slots[name]] for name in source.same)
            keys = {same, (str(same[0]).partition("/")[2],)} if source.same == ("@key",) else {same}
            if not keys & seen and (source.relation != "orders" or same != (None,)):
                seen |= keys
                kept.append(row)
        rows[source.relation] = kept
    site, kinds = RELATIONS["site_events"], ("visit", "cart", "search", "log_in", "product_viewed")
    place = site.slots["kind"]
    rows["site_events"] = [
        (row[0], f"shop/{row[1]}" if number % 3 else row[1], *row[2:place], kinds[number % 5], *row[place + 1 :])
        for number, row in enumerate(rows["site_events"], person.customer_id)
    ]
    return CustomerFacts(person.customer_id, person.zone, rows)


@cache
def people() -> list[CustomerFacts]:
    return [once(each) for each in population(seed=5, size=80)]


@cache
def told() -> dict[int, list[tuple]]:
    """Of each customer some events as told, often of what a row tells too, some of them twice."""
    random, found, number = Random(9), {}, 0
    for person in people():
        for kind in KINDS:
            for _ in range(random.choice([0, 0, 1, 3])):
                number += 1
                order, key = random.choice([None, 0, 1, 2, 3]), random.choice([*_keys(person), f"k{number}"])
                at = random.choice(list(ATS.values())) - random.choice([0, 1, -1, SECOND, DAY, 10 * SECOND])
                row = (kind, at, order, key, f"shop/{key}/{number}", _data(random, kind), person.customer_id)
                found.setdefault(person.customer_id, []).append(row)
    return found


def _keys(person: CustomerFacts) -> list[str]:
    keys = [str(row[1]) for row in person.rows.get("site_events", ())]
    return [each.rpartition("/")[2] for each in keys] + keys[1:2]


def _data(random: Random, kind: str) -> dict[str, object]:
    types = KNOWN.catalogue.events[kind]  # a review's own category is one; nobody tells it the order's
    fields = {name: of for name, of in KNOWN.event_fields[kind].items() if types[name] == of}
    data = {name: _json(random, of) for name, of in fields.items() if random.random() < 0.7}
    named = {name for name in (EVENT_SOURCES[kind].same if kind in EVENT_SOURCES else ()) if name in data}
    return {**data, **{name: random.choice(TEXTS) for name in named}}


def _json(random: Random, kind: str) -> object:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.choice(list(ATS.values())))
    fitting = {
        "string": [*TEXTS, "a/b", "quo\"te's"],
        "integer": [*_NUMBERS, 2**53 + 1, 2**63 - 1, -(2**63), 1.5],
        "boolean": [True, False],
        "set": [[], ["a"], ["Ü", "a", "a"], ["shoes"], "a"],
        "instant": [
            instant.isoformat(),
            "2018-03-25T02:30:00Z",
            "2020-02-29T23:59:59.9999991+05:45",
            "2018-03-25",
            "x",
        ],
        "date": ["2000-02-29", "2001-02-29", "1970-01-01", "x"],
        "money": [
            *({"amount": each, "currency": "EUR"} for each in ("0", "1.00", "-0.01", "1.005", "999999999999999.99")),
            {"amount": "1", "currency": "USD"},
            {"amount": 1, "currency": "EUR"},
            "1 EUR",
        ],
    }
    return None if random.random() < 0.1 else random.choice(fitting[kind])


@pytest.fixture(scope="module")
def database():
    with connect(memory="1GB", threads=1) as connection:
        load(connection, people(), otherwise=POLICY_ZONE)
        rows = [(number, *each) for number, each in enumerate((row for of in told().values() for row in of), 1)]
        names = ["id", "kind", "at", "order_id", "key", "full_key", "data", "customer"]
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        columns["data"] = [json.dumps(each) for each in columns["data"]]
        connection.register("loaded", pa.table(columns))
        connection.execute("CREATE TABLE told_events AS SELECT * FROM loaded")
        yield connection


@st.composite
def comparisons(draw, types):
    name = draw(st.sampled_from(sorted(types)))
    kind = types[name]
    operands = {
        "integer": st.sampled_from([*_NUMBERS, 2**53 + 1, 2**63 - 1]),
        "boolean": st.booleans(),
        "string": st.sampled_from([*TEXTS, "a/b", "quo\"te's"]),
        "set": st.sampled_from([*TEXTS, *WORDS, "shoes"]),
        "date": st.sampled_from(["2000-02-29", "1970-01-01"]),
        "instant": st.sampled_from(["2018-03-25T02:30:00Z", "2020-02-29T18:14:59.999999Z"]),
    }
    operators = ["known", "unknown", "eq"]
    operators += {"set": ["has_any", "has_all", "has_none"]}.get(kind, ["in", "not_in"] if kind in operands else [])
    operators += ["lt", "lte", "gt", "gte"] if kind in ("integer", "money", "date", "instant") else []
    operator = draw(st.sampled_from(operators))
    if operator in ("known", "unknown"):
        return Compare(name=name, operator=operator)
    if kind == "money":
        return Compare(
            name=name, operator=operator, amounts=((CURRENCY, draw(st.sampled_from([-1, 0, 100, 2**63 - 1]))),)
        )
    if operator in ("in", "not_in", "has_any", "has_all", "has_none"):
        return Compare(name=name, operator=operator, operands=tuple(draw(st.lists(operands[kind], max_size=3))))
    return Compare(name=name, operator=operator, operand=draw(operands[kind]))


@st.composite
def questions(draw, kind=None):
    event = kind or draw(st.sampled_from(KINDS))
    leaves = comparisons(KNOWN.catalogue.events[event])
    where = draw(st.none() | leaves | trees(leaves))
    times = draw(st.sampled_from([1, 1, 2, 3]))
    return Did(event=event, where=where, within_seconds=draw(st.sampled_from(WITHIN)), times=times)


def by_itself(asked: list[Did], at: int) -> tuple[set[tuple[int, int]], dict[int, int]]:
    """Who is answered yes to which question, and when an answer may change, one customer after the other."""
    kinds = {each.event for each in asked}
    asks = [compile_condition(each, currency=CURRENCY, events=KNOWN.catalogue.events) for each in asked]
    yes, flips = set(), {}
    for person in people():
        rows = [row for row in told().get(person.customer_id, ()) if row[0] in kinds]
        events = happenings(rows, person, kinds, fields=KNOWN.event_fields, currency=CURRENCY, words=WORDS)
        yes |= {(person.customer_id, place) for place, ask in enumerate(asks) if ask(Known(at, {}, events))}
        turns = [
            turn
            for each in asked
            for when, _ in events[each.event]
            for turn in (when, when + (each.within_seconds or 0) * SECOND)
            if turn > at
        ]
        if turns:
            flips[person.customer_id] = min(turns)
    return yes, flips


def in_bulk(database, asked: list[Did], at: int) -> tuple[set[tuple[int, int]], dict[int, int]]:
    for statement in compile_answers(asked, CATALOGUE, at):
        prepare(database, statement)
        database.execute(statement.text)
    answers = database.execute("SELECT customer, question FROM answers").fetchall()
    assert len(answers) == len(set(answers)), "nobody answers twice"
    flips = database.execute("SELECT customer, min(instant) FROM event_flips GROUP BY customer").fetchall()
    return set(answers), dict(flips)


@settings(deadline=None, max_examples=25)
@given(st.lists(questions(), min_size=1, max_size=6), st.sampled_from(sorted(ATS.values())))
def test_everybody_is_answered_as_each_is_alone(database, asked, at):
    assert in_bulk(database, asked, at) == by_itself(asked, at)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=3)
@given(data=st.data())
def test_events_of_every_kind_are_asked_for_all_their_fields(database, kind, data):
    asked = [
        Did(event=kind, where=data.draw(comparisons({name: of})))
        for name, of in sorted(KNOWN.catalogue.events[kind].items())
    ]
    at = data.draw(st.sampled_from(sorted(ATS.values())))
    assert in_bulk(database, asked, at) == by_itself(asked, at)


MUTATIONS = {
    "told twice counts twice": (happening, "_same", lambda *_: "FALSE"),
    "a window a second longer": (
        did,
        "_window",
        lambda each: each.within_seconds and each.within_seconds * SECOND + SECOND,
    ),
    "fields as they are now": (happening, "_NOW", '"@instant"'),
    "what follows the shop's key forgotten": (happening, "_BEHIND", "NULL"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_of_the_questions_is_noticed(database, monkeypatch, mutation):
    asked = [Did(event=kind, times=times, within_seconds=10) for kind in KINDS for times in (1, 2)]
    asked += [
        Did(event=kind, where=Compare(name="delivered", operand=True)) for kind in ("order.placed", "return.received")
    ]
    asked += [Did(event="site.visit", times=times) for times in (1, 2, 3)]
    monkeypatch.setattr(*MUTATIONS[mutation])
    assert any(in_bulk(database, asked, at) != by_itself(asked, at) for at in sorted(ATS.values()))
