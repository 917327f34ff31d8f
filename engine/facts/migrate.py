"""Brings a database's schema to the present shape, with Alembic, from inside the package.

The tables and Alembic's own version table live in the schema that `search_path` names, so that a replay can have a
copy of everything. Processes that migrate the same schema at once wait for each other.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateSchema

_VERSION_TABLE = "alembic_version"


def upgrade(url: str, schema: str = "public") -> None:
    """Creates or migrates all tables in the schema; the schema itself is made if absent.

    Args:
        url: a PostgreSQL URL, `postgresql://...`; a Unix socket's directory may be its `host` parameter.
        schema: the PostgreSQL schema to hold the tables.
    """
    if is_current(url, schema):
        return
    with connect(url, schema) as connection:
        # Two processes may start on an empty database at once: the second one waits, then finds the work done.
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"migrate {schema}",))
        if not connection.exec_driver_sql("select to_regnamespace(quote_ident(%s))", (schema,)).scalar():
            connection.execute(CreateSchema(schema))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
    return current_revision(url, schema) == head_revision()


@functools.cache
def head_revision() -> str:
    """The newest revision this program knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


@contextmanager
def connect(url: str, schema: str) -> Iterator[Connection]:
    """A SQLAlchemy connection in a transaction, whose search path is the schema alone; committed at the end.

    Args:
        url: a PostgreSQL URL.
        schema: the schema to work in; it need not exist yet.
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)

    # Before SQLAlchemy asks for the default schema, so that it takes ours for it.
    @event.listens_for(engine, "connect", insert=True)
    def choose_schema(connection: psycopg.Connection, _record: object) -> None:
        with connection.transaction():
            connection.execute("select set_config('search_path', %s, false)", (_quoted(schema),))

    with engine.begin() as connection:
        yield connection


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("engine.facts.migrations")).replace("%", "%%"))
    return config
