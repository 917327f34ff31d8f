"""A process that tells events of some customers, in batches of all sizes, while others judge them."""

import random
import sys
from datetime import timedelta
from pathlib import Path

from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions
from engine.facts.event_contracts import load_contracts
from engine.facts.events import Event
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.language.rules import load_rules
from engine.operations.telling import tell_all
from tests.facts.intake.telling import placed, progressed
from tests.facts.shop import utc

NOW = utc("2026-03-01T10:00")
CUSTOMERS = 12


def tell_events(url: str, name: str, rounds: int) -> None:
    """Tells orders, payments, visits and returns of the same customers as every other process does."""
    chance, rules = random.Random(name), load_rules(Path("rules"))
    matcher = Matcher(rules, StoredVersions({rules.version: rules}), EventMatcher(load_contracts(), "EUR"))
    with connect(url) as connection:
        connection.autocommit = True
        for step in range(rounds):
            told = [each for _ in range(chance.choice([1, 1, 6])) for each in _events(chance, f"{name}-{step}")]
            answers = list(tell_all(connection, matcher, [each.to_json() for each in told], lambda: NOW))
            if wrong := [each for each in answers if isinstance(each, Exception) or each.fate == "refused"]:
                raise AssertionError(wrong)


def _events(chance: random.Random, name: str) -> list[Event]:
    who, key = f"c{chance.randrange(CUSTOMERS)}", f"{name}-{chance.random()}"
    at = NOW - timedelta(minutes=chance.randrange(1, 60 * 24 * 200))
    match chance.randrange(4):
        case 0:
            return [placed(key, who, at=at), progressed("paid", key, at=at + timedelta(minutes=1))]
        case 1:
            given = {"purpose": "marketing", "granted": chance.random() < 0.5}
            return [Event("consent.changed", key, at, "main", who, None, given)]
        case 2:
            return [
                Event("customer.updated", key, at, "main", who, None, {"country": chance.choice(["DE", "BR", "SE"])})
            ]
        case _:
            return [Event("site.log_in", key, at, "main", who, None, {})]


if __name__ == "__main__":
    tell_events(sys.argv[1], sys.argv[2], int(sys.argv[3]))
