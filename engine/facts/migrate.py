"""Brings a database's schema to the present shape."""

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from engine.facts.tables import metadata


def upgrade(url: str, schema: str = "public") -> None:
    """Creates or migrates all tables in the schema; the schema itself is made if absent.

    Args:
        url: a PostgreSQL URL, `postgresql://...`.
        schema: the PostgreSQL schema to hold the tables.
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            connection.execute(text(f'create schema if not exists "{schema}"'))
            connection.execute(text(f'set search_path to "{schema}"'))
            metadata.create_all(connection)
    finally:
        engine.dispose()
