"""Runs the migrations. Loaded only when there is something to migrate: Alembic takes a second to load."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateSchema


def apply(url: str, schema: str) -> None:
    """Brings the schema to the newest revision; processes that do so at once wait for each other."""
    with connect(url, schema) as connection:
        # The second of two processes on an empty database finds the work done once it has the lock.
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"migrate {schema}",))
        if not connection.exec_driver_sql("select to_regnamespace(quote_ident(%s))", (schema,)).scalar():
            connection.execute(CreateSchema(schema))
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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
            connection.execute("select set_config('search_path', %s, false)", (sql.Identifier(schema).as_string(),))

    with engine.begin() as connection:
        yield connection


def alembic_config() -> Config:
    """Alembic's configuration: where the revisions are, found from the package."""
    config = Config()
    config.set_main_option("script_location", str(files("engine.facts.migrations")).replace("%", "%%"))
    return config
