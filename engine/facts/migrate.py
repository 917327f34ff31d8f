"""Brings a database's schema to the present shape, with Alembic, from inside the package.

The tables and Alembic's own version table live in the schema that `search_path` names, so that a replay can have a
copy of everything.
"""

import psycopg
from psycopg import sql

from engine.facts.migrations import HEAD

_VERSION_TABLE = "alembic_version"


def upgrade(url: str, schema: str = "public") -> None:
    """Creates or migrates all tables in the schema; the schema itself is made if absent.

    Args:
        url: a PostgreSQL URL, `postgresql://...`; a Unix socket's directory may be its `host` parameter.
        schema: the PostgreSQL schema to hold the tables.
    """
    if not is_current(url, schema):
        from engine.facts.migrations.apply import apply  # noqa: PLC0415 - see that module

        apply(url, schema)


def current_revision(url: str, schema: str = "public") -> str | None:
    """The revision the schema stands at; None where nothing was ever migrated.

    Args:
        url: a PostgreSQL URL.
        schema: the PostgreSQL schema that holds the tables.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            table = sql.Identifier(schema, _VERSION_TABLE)
            row = connection.execute(sql.SQL("select version_num from {}").format(table)).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return None
    return None if row is None else str(row[0])


def is_current(url: str, schema: str = "public") -> bool:
    """Whether the schema stands at the newest revision this program knows."""
    return current_revision(url, schema) == HEAD
