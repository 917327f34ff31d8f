"""Copies the facts that a replay may know of into its own schema, with the ids they have.

Everything that first happened before `to` is copied; instants at or after `to` are left out of its rows. What
happens between `from` and `to` lies there too: every read of the engine is as of an instant, so a journey
cannot see what has not happened yet on the shop's clock. What the engine itself has done (journeys, messages, the log
of these, what they use of capacities and limits) and what operators have paused is not copied: a replay has its own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from engine.facts.tables import metadata

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class _Copied:
    """How one table is copied: its rows where `rows` holds, its instants `masked` at the horizon."""

    table: str
    rows: str = "true"
    masked: tuple[str, ...] = ()


_ORDERS = "order_id in (select id from {source}.orders where placed_at < %(to)s)"
_TABLES = (
    _Copied("shops"),
    _Copied("customers"),
    _Copied("customer_identities"),
    _Copied("products"),
    _Copied("orders", "placed_at < %(to)s", ("paid_at", "packed_at", "shipped_at", "delivered_at", "cancelled_at")),
    _Copied("order_lines", _ORDERS),
    _Copied("payments", _ORDERS, ("paid_at",)),
    _Copied("shipments", _ORDERS, ("shipped_at", "out_for_delivery_at", "delivered_at", "lost_at")),
    _Copied("returns", "requested_at < %(to)s", ("received_at", "refunded_at")),
    _Copied("reviews", _ORDERS + " and created_at < %(to)s", ("answered_at",)),
    _Copied("cases", "opened_at < %(to)s", ("answered_at", "closed_at")),
    _Copied("campaign_periods"),
    _Copied("site_events", '"at" < %(to)s'),
    _Copied("consents", '"at" is null or "at" < %(to)s'),
    _Copied("suppressions", "since < %(to)s"),
    _Copied("coupons", "(issued_at < %(to)s or customer_id is null)", ("redeemed_at",)),
    _Copied("points_entries", '"at" < %(to)s'),
    _Copied("events", '"at" < %(to)s'),
    # Everyone's standing is not copied but decided anew, by the replay's own rules; what people gave by hand is a fact.
    _Copied("hand_tags", '"at" < %(to)s', ("removed_at",)),
)


def copy_facts(connection: Connection, source: str, target: str, to: datetime) -> dict[str, int]:
    """Copies the facts before `to` from one schema to another and gives the rows of each table; the caller commits."""
    return {copied.table: _copy(connection, copied, source, target, to) for copied in _TABLES}


def _copy(connection: Connection, copied: _Copied, source: str, target: str, to: datetime) -> int:
    columns = [column.name for column in metadata.tables[copied.table].columns]
    values = [_value(name, masked=name in copied.masked) for name in columns]
    statement = sql.SQL(
        "insert into {target}.{table} ({columns}) overriding system value select {values} from {source}.{table} "
    ).format(
        target=sql.Identifier(target),
        source=sql.Identifier(source),
        table=sql.Identifier(copied.table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
    ) + sql.SQL("where " + copied.rows).format(source=sql.Identifier(source))
    rows = connection.execute(statement, {"to": to}).rowcount
    connection.execute(sql.SQL("analyze {}.{}").format(sql.Identifier(target), sql.Identifier(copied.table)))
    _continue_ids(connection, target, copied.table)
    return rows


def _value(name: str, *, masked: bool) -> sql.Composable:
    column = sql.Identifier(name)
    return sql.SQL("case when {0} < %(to)s then {0} end").format(column) if masked else column


def _continue_ids(connection: Connection, target: str, table: str) -> None:
    connection.execute(
        sql.SQL(
            "select setval(pg_get_serial_sequence({name}, 'id'), coalesce(max(id), 0) + 1, false) from {schema}.{table}"
        ).format(name=sql.Literal(f'"{target}"."{table}"'), schema=sql.Identifier(target), table=sql.Identifier(table))
    )
