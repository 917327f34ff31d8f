"""What PostgreSQL tells of changes: whose facts a snapshot does not know, and which mirrors are kept of them.

Triggers note every change with its transaction. A transaction counts as seen when the mirror's snapshot says that it
had been committed by then; one that was under way is read by a later refresh, however late it commits.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from engine.mirror.manifest import Manifest

Connection = psycopg.Connection[Any]

CHANGED = "mirror_changed"
"""The temporary table of the customers whose rows are to be read anew."""

_DATABASE = """
select (select system_identifier from pg_control_system())::text || '/' || oid || '/' || current_schema()
  from pg_database where datname = current_database()
"""
_NOTED = """
create temporary table mirror_noted on commit drop as
select distinct kind, id from fact_changes
 where transaction >= pg_snapshot_xmin(%(seen)s::pg_snapshot)::text::bigint
   and not pg_visible_in_snapshot(transaction::text::xid8, %(seen)s::pg_snapshot)
"""
_ORDER_NAMED = "select x.customer_id from {0} x join mirror_noted n on n.id = x.{1} where n.kind = 'order_number'"
_BOUGHT = (
    "select o.customer_id from {0} x join mirror_noted n on n.id = x.product_id join orders o on o.id = x.order_id"
    " where n.kind = 'product'"
)
_OF = "select x.customer_id from {0} x join mirror_noted n on n.id = x.{1}_id where n.kind = '{1}'"
# Of what a noted number is → how it leads to customers; `n` is the note.
_CONCERNED = {
    "customer": ("select n.id from mirror_noted n where n.kind = 'customer'",),
    "order": ("select o.customer_id from mirror_noted n join orders o on o.id = n.id where n.kind = 'order'",),
    "message": ("select m.customer_id from mirror_noted n join messages m on m.id = n.id where n.kind = 'message'",),
    "order_number": (
        _ORDER_NAMED.format("coupons", "redeemed_order_id"),
        _ORDER_NAMED.format("cases", "order_id"),
        _ORDER_NAMED.format("points_entries", "order_id"),
    ),
    "product": (_BOUGHT.format("order_lines"), _BOUGHT.format("reviews"), _OF.format("site_events", "product")),
    "shop": (_OF.format("customer_identities", "shop"), _OF.format("events", "shop")),
}
_REGISTER = """
insert into mirrors (mirror, generation, snapshot, before) values (%(mirror)s, %(generation)s, %(snapshot)s, %(before)s)
on conflict (mirror) do update set generation = excluded.generation, snapshot = excluded.snapshot,
    before = excluded.before, refreshed_at = now()
"""
# Longer than a month, after which cut-offs are published anew.
_FORGET = "delete from mirrors where refreshed_at < now() - interval '40 days' and mirror <> %(mirror)s"
_KEEP = "update mirrors set refreshed_at = now() where mirror = %(mirror)s and refreshed_at < now() - interval '1 day'"
# A snapshot of before counts too: the refresh that wrote the newer one may not have come to its end.
_PRUNE = """
delete from fact_changes where transaction < (
    select min(least(pg_snapshot_xmin(snapshot::pg_snapshot)::text::bigint,
                     pg_snapshot_xmin(before::pg_snapshot)::text::bigint)) from mirrors)
"""


@dataclass(frozen=True)
class Changes:
    """How many customers have changed; `everybody`: it cannot be said who, or it is too many to say."""

    customers: int
    everybody: bool = False


def begin(connection: Connection) -> str:
    """Begins a transaction that reads everything as of one snapshot, and gives that.

    Args:
        connection: in no transaction, not in autocommit.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    row = connection.execute("select pg_current_snapshot()::text").fetchone()
    assert row is not None  # it has no conditions
    return str(row[0])


def database_of(connection: Connection) -> str:
    """What tells this database and schema from every other one, also from a copy of it restored elsewhere."""
    row = connection.execute(_DATABASE).fetchone()
    assert row is not None
    return str(row[0])


def is_known(connection: Connection, manifest: Manifest) -> bool:
    """Whether what has changed since the manifest can be told: the database knows it, and was not set back since."""
    row = connection.execute(
        "select generation, snapshot, before from mirrors where mirror = %s", (manifest.mirror,)
    ).fetchone()
    if row is None:
        return False
    generation, *snapshots = row
    return generation >= manifest.generation and manifest.snapshot in snapshots


def note_changed(connection: Connection, seen: str) -> Changes:
    """Fills the temporary table `mirror_changed` with the customers whose facts a snapshot does not know."""
    connection.execute(_NOTED, {"seen": seen})
    connection.execute(f"create temporary table {CHANGED} (customer bigint primary key) on commit drop")
    kinds = {row[0] for row in connection.execute("select distinct kind from mirror_noted")}
    if kinds - _CONCERNED.keys():
        return Changes(0, everybody=True)
    for query in (query for kind in sorted(kinds) for query in _CONCERNED[kind]):
        add_changed(connection, query)
    connection.execute(f"analyze {CHANGED}")
    return Changes(count_changed(connection))


def add_changed(connection: Connection, query: str) -> None:
    """Adds customers to the table of the changed ones."""
    connection.execute(f"insert into {CHANGED} {query} on conflict do nothing")


def count_changed(connection: Connection) -> int:
    """How many customers are in it."""
    row = connection.execute(f"select count(*) from {CHANGED}").fetchone()  # noqa: S608 -- our own words
    assert row is not None
    return int(row[0])


def register(connection: Connection, manifest: Manifest, before: str) -> None:
    """Lets the database know of a refresh whose files are written and whose manifest is about to be in force; commits.

    Args:
        connection: in no transaction.
        manifest: the new one.
        before: the snapshot of the one that is in force until then.
    """
    connection.isolation_level = None
    connection.execute(
        _REGISTER,
        {
            "mirror": manifest.mirror,
            "generation": manifest.generation,
            "snapshot": manifest.snapshot,
            "before": before,
        },
    )
    connection.execute(_FORGET, {"mirror": manifest.mirror})
    connection.commit()


def keep_known(connection: Connection, manifest: Manifest) -> None:
    """Lets the database know that a mirror which is up to date is still used; commits."""
    connection.isolation_level = None
    connection.execute(_KEEP, {"mirror": manifest.mirror})
    connection.commit()


def prune(connection: Connection) -> None:
    """Takes away the notes that every mirror has read; commits."""
    connection.execute(_PRUNE)
    connection.commit()
