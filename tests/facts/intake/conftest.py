"""A shop to tell events to."""

from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest
from telling import LATER

from engine.facts.events import Contract, Event, Recorded, Refused, load_contracts
from engine.facts.intake import record

Tell = Callable[..., Recorded | Refused]


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts()


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into shops (key, name, zone, currency, country)"
            " values ('main', 'Main', 'Europe/Berlin', 'EUR', 'DE'), ('second', 'Second', 'UTC', 'USD', null)"
        )
        connection.commit()
        yield connection


@pytest.fixture
def tell(connection: psycopg.Connection, contracts: dict[str, Contract]) -> Tell:
    """Records one event and commits."""

    def told(event: Event, recorded_at: datetime = LATER) -> Recorded | Refused:
        outcome = record(connection, event, recorded_at=recorded_at, contracts=contracts)
        connection.commit()
        return outcome

    return told
