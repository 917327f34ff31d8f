"""A shop to tell events to."""

import os
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from telling import LATER

from engine.facts.events import Contract, Event, Recorded, Refused, load_contracts
from engine.facts.intake import record

Tell = Callable[..., Recorded | Refused]


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    return load_contracts()


@pytest.fixture(scope="session")
def intake_database(template_database: str) -> Iterator[str]:
    """Name of a database that the tests of one transaction share: each rolls back what it did."""
    name = f"intake_{uuid.uuid4().hex[:12]}"
    create, drop = "create database {} template {}", "drop database {} with (force)"
    with psycopg.connect(os.environ["REGULARS_DATABASE_URL"], autocommit=True) as admin:
        admin.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(template_database)))
        yield name
        admin.execute(sql.SQL(drop).format(sql.Identifier(name)))


def open_shops(connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into shops (key, name, zone, currency, country)"
        " values ('main', 'Main', 'Europe/Berlin', 'EUR', 'DE'), ('second', 'Second', 'UTC', 'USD', null)"
    )


@pytest.fixture
def connection(intake_database: str) -> Iterator[psycopg.Connection]:
    """In a transaction that is rolled back after the test."""
    with psycopg.connect(os.environ["REGULARS_DATABASE_URL"], dbname=intake_database) as connection:
        open_shops(connection)
        yield connection
        connection.rollback()


@pytest.fixture
def committing(database: str) -> Iterator[psycopg.Connection]:
    """To a database of the test's own, where commits are seen by others."""
    with psycopg.connect(database) as connection:
        open_shops(connection)
        connection.commit()
        yield connection


@pytest.fixture
def tell(connection: psycopg.Connection, contracts: dict[str, Contract]) -> Tell:
    """Records one event."""

    def told(event: Event) -> Recorded | Refused:
        return record(connection, event, recorded_at=LATER, contracts=contracts)

    return told
