"""The ledger of points: lots that are earned, spent oldest first, expire and are taken back.

Entries are kept for ever; what is left of a lot follows from them. A debt (a refund after its points were spent) is
paid by what is earned next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

Kind = Literal["earn", "spend", "expire", "reverse"]
Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `points` are negative when they go; `lot` is the entry whose points expire or are taken back."""

    id: int
    kind: Kind
    points: int
    at: datetime
    available_at: datetime | None = None
    expires_at: datetime | None = None
    order_id: int | None = None
    lot: int | None = None


@dataclass(slots=True)
class Lot:
    """What is left of an entry that was earned."""

    entry: Entry
    left: int

    def usable(self, at: datetime) -> bool:
        """Whether it can be spent at an instant."""
        entry = self.entry
        available = entry.available_at is not None and entry.available_at <= at
        return self.left > 0 and available and (entry.expires_at is None or at < entry.expires_at)


@dataclass(slots=True)
class Ledger:
    """The lots of one customer, oldest first, and what is owed beyond them."""

    lots: list[Lot]
    debt: int = 0

    def balance(self, at: datetime) -> int:
        """What can be spent at an instant; negative while something is owed."""
        return sum(lot.left for lot in self.lots if lot.usable(at)) - self.debt

    def expired(self, at: datetime) -> list[Lot]:
        """Lots whose time is over at an instant and that still hold points, or of which nobody has noted the end."""
        return [lot for lot in self.lots if lot.entry.expires_at is not None and lot.entry.expires_at <= at]


def ledger(entries: Iterable[Entry]) -> Ledger:
    """What follows from all entries of a customer."""
    found = Ledger([])
    for entry in sorted(entries, key=lambda each: (each.at, each.id)):
        lot = next((each for each in found.lots if each.entry.id == entry.lot), None)
        if entry.kind == "earn" and entry.points > 0:
            paid = min(found.debt, entry.points)
            found.debt -= paid
            found.lots.append(Lot(entry, entry.points - paid))
            continue
        wanted = -entry.points
        if lot is not None:
            wanted -= _from(lot, wanted)
        if entry.kind != "expire":
            for each in found.lots:
                wanted -= _from(each, wanted) if each.usable(entry.at) else 0
            found.debt += wanted
    return found


def _from(lot: Lot, wanted: int) -> int:
    taken = min(lot.left, wanted)
    lot.left -= taken
    return taken


def read_entries(connection: Connection, customer: int) -> list[Entry]:
    """All entries of a customer."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """select id, kind, points, at, available_at, expires_at, order_id, lot_id as lot from points_entries
                where customer_id = %s order by at, id""",
            (customer,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class New:
    """An entry that is to be written, once for each key. Without `available_at` it counts from `at` on."""

    key: str
    kind: Kind
    points: int
    at: datetime
    available_at: datetime | None = None
    expires_at: datetime | None = None
    order_id: int | None = None
    lot: int | None = None


def write(connection: Connection, customer: int, new: New) -> None:
    """Writes an entry, unless it has been written."""
    connection.execute(
        """insert into points_entries (customer_id, key, kind, points, order_id, at, available_at, expires_at, lot_id)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (key) do nothing""",
        (
            customer, new.key, new.kind, new.points, new.order_id, new.at, new.available_at or new.at, new.expires_at,
            new.lot,
        ),
    )  # fmt: skip


def spend(connection: Connection, customer: int, key: str, points: int, at: datetime) -> bool:
    """Takes points, the oldest first; False if there are not as many."""
    if ledger(read_entries(connection, customer)).balance(at) < points:
        return False
    write(connection, customer, New(key, "spend", -points, at))
    return True


def reverse(
    connection: Connection, customer: int, key: str, order: int, at: datetime, share: tuple[int, int] = (1, 1)
) -> None:
    """Takes back a share (part, whole) of what an order earned, less what was taken back before."""
    for new in reversals(read_entries(connection, customer), key, order, at, share):
        write(connection, customer, new)


def reversals(entries: Sequence[Entry], key: str, order: object, at: datetime, share: tuple[int, int]) -> Iterator[New]:
    """The entries that take back a share (part, whole) of what an order earned, less what was taken back before.

    They go to the lots that were earned, also while these are pending; what was spent of them meanwhile is owed.
    """
    part, whole = share
    for lot in entries:
        if lot.kind == "earn" and lot.order_id == order:
            before = -sum(each.points for each in entries if each.kind == "reverse" and each.lot == lot.id)
            due = min(lot.points, lot.points * part // whole if whole else lot.points) - before
            if due > 0:
                available = max(at, lot.available_at or at)
                yield New(f"{key}/{lot.id}", "reverse", -due, at, available, order_id=lot.order_id, lot=lot.id)


_OVER = """
select distinct customer_id from points_entries e
 where kind = 'earn' and expires_at <= %(now)s
   and not exists (select from points_entries x where x.lot_id = e.id and x.kind = 'expire')
 order by customer_id limit %(limit)s
"""


def customers_with_expired(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Customers of whom a lot's time is over and nobody has noted that."""
    return [row[0] for row in connection.execute(_OVER, {"now": now, "limit": limit})]


def expire(connection: Connection, customer: int, now: datetime) -> None:
    """Notes the end of a customer's lots whose time is over.

    A lot of which nothing is left gets an entry of nothing: so it is not looked at again.
    """
    entries = read_entries(connection, customer)
    noted = {each.lot for each in entries if each.kind == "expire"}
    for lot in ledger(entries).expired(now):
        entry = lot.entry
        if entry.id not in noted and entry.expires_at is not None:
            new = New(
                f"expire/{entry.id}", "expire", -lot.left, entry.expires_at, order_id=entry.order_id, lot=entry.id
            )
            write(connection, customer, new)
