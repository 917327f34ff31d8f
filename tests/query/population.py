"""Made-up people with rows of every relation: instants at the edges of windows, days and clock changes, ties, nulls."""

from datetime import UTC, date, datetime
from random import Random
from typing import Any

from engine.attributes.facts import CustomerFacts
from engine.attributes.relation import Field, Relation
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from tests.query.loading import PURCHASES

SECOND = 1_000_000
DAY = 86_400 * SECOND
CURRENCY = "EUR"
POLICY_ZONE = "Europe/Berlin"
ZONES = [
    POLICY_ZONE,
    "America/Sao_Paulo",
    "UTC",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "Pacific/Apia",
]
WINDOWS = [1, 10, 86_400, 30 * 86_400]
WORDS = {"sizing": ["too small", "Größe"], "gift": ["gift", "\U0001f381"], "taste": ["好吃"], "none": []}
TEXTS = ["a", "", "it's", "Ünï", "Ü", "U\u0308", "\U0001f600", "\uffee", "ad", "mail"]
_REVIEWS = ["", "TOO  SMALL!", "die GRÖSSE passt", "gifted", "a gift \U0001f381", "很好吃", "gro\u0308ße"]


def micro(text: str) -> int:
    """Microseconds of an instant in UTC."""
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


ATS = {
    "a clock put forward": micro("2018-03-25T02:30:00"),
    "a clock put back": micro("2018-02-18T02:00:00"),
    "a leap day's end": micro("2020-02-29T23:59:59.999999"),
    "a month's end": micro("2019-01-31T22:59:59"),
    "before the epoch": micro("1969-12-31T23:59:59.999999"),
}
"""Instants as of which the two are compared."""

_EDGES = [0, *(-window * SECOND for window in WINDOWS), -DAY // 2, -6 * 3600 * SECOND, -400 * DAY, DAY, 400 * DAY]
_NUDGES = [0, 0, 0, 1, -1, SECOND, -SECOND]
_INTEGERS = [0, 1, 2, 3, 5, -1, -7, 100]
_EXTREMES = [2**53 + 1, 2**63 - 1, -(2**63)]
_DAYS = [
    date(2000, 2, 29),
    date(1999, 3, 1),
    date(1990, 1, 20),
    date(1990, 1, 19),
    date(2000, 12, 31),
    date(2030, 1, 1),
]
_DAYS += [date(1988, 3, 25), date(1988, 3, 26), date(1970, 1, 1), date(1950, 2, 28), date(1, 1, 1), date(1988, 12, 21)]


def population(seed: int, size: int) -> list[CustomerFacts]:
    """People; one of them has many rows, some have none."""
    random = Random(seed)
    return [_person(random, number) for number in range(1, size + 1)]


def _person(random: Random, number: int) -> CustomerFacts:
    rows: dict[str, list[tuple[object, ...]]] = {}
    # Few instants a person, so that rows meet at one of them.
    instants = [_instant(random) for _ in range(random.choice([2, 5, 12]))]
    for relation in RELATIONS.values():
        many = 50 if number == 1 else random.choice([0, 1, 2, 4, 7])
        count = 1 if relation.at is None else many
        rows[relation.name] = [_row(random, relation, place, instants) for place in range(count)]
    return CustomerFacts(number, random.choice(ZONES), rows)


def _instant(random: Random) -> int:
    return random.choice(list(ATS.values())) + random.choice(_EDGES) + random.choice(_NUDGES)


def _row(random: Random, relation: Relation, place: int, instants: list[int]) -> tuple[object, ...]:
    values: dict[str, Any] = {
        name: _value(random, relation, name, relation.fields[name], instants) for name in relation.columns[2:]
    }
    at = None if relation.at is None or random.random() < 0.05 else random.choice(instants)
    key = random.choice(["10", "9", "\U0001f600", "\uffee"]) + f" {place}"
    return relation.row(at, key, **values)


def _value(random: Random, relation: Relation, name: str, field: Field, instants: list[int]) -> object:
    if random.random() < 0.2:
        return None
    if name in PURCHASES[relation.name]:
        return [[random.choice([*instants, None]) for _ in range(3)] for _ in range(random.randrange(3))]
    match field.type:
        case "instant":
            return random.choice(instants)
        case "date":
            return random.choice(_DAYS)
        case "boolean":
            return random.random() < 0.7
        case "set":
            return frozenset(random.sample(TEXTS, random.randrange(3)))
        case "money":
            return random.choice(_INTEGERS + _EXTREMES)
        case "integer":
            return random.choice(_INTEGERS)
        case _:
            return _text(random, name)


def _text(random: Random, name: str) -> str:
    match name:
        case "currency":
            return random.choice([CURRENCY, CURRENCY, "USD"])
        case "text":
            return random.choice(_REVIEWS)
        case _:
            return random.choice(TEXTS)
