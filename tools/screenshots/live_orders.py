"""Tells a running engine of some orders, so that there are journeys under way to take pictures of.

    regulars import DATA --mapping examples/sample-shop/mapping.yaml && regulars worker &
    python tools/screenshots/live_orders.py

Two orders were placed a day ago, so that their first reminder is due within seconds; the others are younger, and one of
them is paid. `REGULARS_DATABASE_URL` names the database; the project is the current directory.
"""

import os
import time
from datetime import UTC, datetime, timedelta

from psycopg_pool import ConnectionPool

from engine.cli.rules import sound_rules
from engine.composition import event_matcher
from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions
from engine.facts.events import Event, Refused
from engine.facts.pool import open_pool
from engine.servers.project import Project

SHOP = "sample"
DAY = timedelta(days=1)
# Order number, how long ago it was placed, the customer's address if there is one, how long ago it was paid.
ORDERS = (
    ("P-501", DAY - timedelta(seconds=20), "ada@example.invalid", None),
    ("P-502", DAY - timedelta(seconds=20), None, None),
    ("P-503", timedelta(hours=9), "grace@example.invalid", timedelta(hours=2)),
    ("P-504", timedelta(hours=5), "mary@example.invalid", None),
    ("P-505", timedelta(hours=1), "emmy@example.invalid", None),
)


def main() -> None:
    """Tells of each order, and of the payment of those that are paid."""
    rules = sound_rules(Project.find())
    now = datetime.now(UTC)
    with open_pool(os.environ["REGULARS_DATABASE_URL"]) as pool:
        matcher = Matcher(rules, StoredVersions(), event_matcher(pool, rules))
        _tell(pool, matcher, _placed(now), now)
        # An order that is paid before its journey has been started never gets a workflow, and none to be seen.
        while _undispatched(pool):
            time.sleep(0.2)
        _tell(pool, matcher, _paid(now), now)


def _tell(pool: ConnectionPool, matcher: Matcher, events: list[Event], now: datetime) -> None:
    for event in events:
        with pool.connection() as connection:
            outcome = accept(connection, matcher, event, now)
        if isinstance(outcome, Refused):
            raise SystemExit(f"{event.key}: {outcome.code}: {outcome.reason}")


def _undispatched(pool: ConnectionPool) -> bool:
    with pool.connection() as connection:
        row = connection.execute("select exists (select from outbox where done_at is null)").fetchone()
    return bool(row and row[0])


def _placed(now: datetime) -> list[Event]:
    told = []
    for number, age, email, _ in ORDERS:
        customer = {
            "given_name": "Ada",
            "locale": "en",
            "zone": _zone_at_noon(now),
            **({"email": email} if email else {}),
        }
        data = {
            "payment_method": "bank_slip",
            "total": {"amount": "79.90", "currency": "EUR"},
            "customer": customer,
        }
        told.append(Event("order.placed", f"{number}/placed", now - age, SHOP, f"C-{number}", number, data))
    return told


def _paid(now: datetime) -> list[Event]:
    return [
        Event("order.paid", f"{number}/paid", now - paid, SHOP, f"C-{number}", number)
        for number, _, _, paid in ORDERS
        if paid is not None
    ]


def _zone_at_noon(now: datetime) -> str:
    """A zone in which it is about noon, so that no reminder waits for the morning."""
    east = 12 - now.hour
    return "Etc/GMT" if east == 0 else f"Etc/GMT{-east:+d}"


if __name__ == "__main__":
    main()
