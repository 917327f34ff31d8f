"""Makes a replay's state: an empty schema with the facts it may know of, and the rules it runs."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from engine.dispatch.versions import publish
from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.replay.copy import copy_facts
from engine.replay.run import Run

Connection = psycopg.Connection[Any]


def prepare_schema(url: str, run: Run, rules: Rules, to: datetime, source: str = "public") -> dict[str, int]:
    """Makes the replay's schema anew and copies the facts before `to` from another; gives the rows of each table."""
    with connect(url) as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(run.schema)))
    upgrade(url, run.schema)
    with connect(url) as connection:
        rows = copy_facts(connection, source, run.schema, to)
    with connect(url, run.schema) as connection:
        publish(connection, rules)
    return rows


def shop_zone(connection: Connection, otherwise: str) -> str:
    """The zone in which a replay's window is meant: the shop's, where there is one."""
    rows = connection.execute("select distinct zone from shops").fetchall()
    return str(rows[0][0]) if len(rows) == 1 else otherwise
