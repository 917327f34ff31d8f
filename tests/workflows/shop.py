"""A shop in a database of its own: people who order and pay, told through the real intake."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import dict_row

from engine.composition import event_matcher
from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.events import Event, Recorded, Refused
from engine.facts.pool import open_pool
from engine.language.rules import Rules

ZENOBIA: Mapping[str, str] = {
    "given_name": "Zenobia",
    "family_name": "Quastenflosser",
    "email": "zenobia.q@example.net",
    "phone": "+4915112345678",
    "country": "DE",
    "locale": "en",
    "zone": "UTC",
}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Shop:
    """The shop `main`, in euros. `url` is of a migrated, empty database."""

    url: str
    rules: Rules
    versions: StoredVersions = field(default_factory=StoredVersions)
    _keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.versions.compiled[self.rules.version] = self.rules
        self.pool = open_pool(self.url)
        with self.pool.connection() as connection:
            connection.execute(
                "insert into shops (key, name, zone, currency, country)"
                " values ('main', 'Main', 'UTC', 'EUR', 'DE') on conflict do nothing"
            )
            publish(connection, self.rules)
        self.matcher = Matcher(self.rules, self.versions, event_matcher(self.pool, self.rules))

    def close(self) -> None:
        self.pool.close()

    def tell(self, event: Event) -> Recorded | Refused:
        """Takes an event in, commits, and gives what became of it."""
        with self.pool.connection() as connection:
            return accept(connection, self.matcher, event, now())

    def event(
        self,
        kind: str,
        number: str | None = None,
        *,
        customer: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """An event of the shop; of this moment unless told otherwise."""
        return Event(kind, key or f"{kind}/{next(self._keys)}", at or now(), "main", customer, number, data or {})

    def place(
        self,
        number: str = "N-1001",
        customer: str = "c1",
        *,
        at: datetime | None = None,
        key: str | None = None,
        person: Mapping[str, str] = ZENOBIA,
        **data: Any,
    ) -> int:
        """Somebody orders, to be paid by bank slip; gives our id of the order."""
        told = {
            "payment_method": "bank_slip",
            "total": {"amount": "49.90", "currency": "EUR"},
            "customer": dict(person),
            **data,
        }
        told = {name: value for name, value in told.items() if value is not None}
        event = self.event("order.placed", number, customer=customer, at=at, key=key or f"placed/{number}", data=told)
        outcome = self.tell(event)
        assert isinstance(outcome, Recorded), outcome
        assert outcome.order_id is not None
        return outcome.order_id

    def pay(self, number: str = "N-1001", *, at: datetime | None = None) -> Recorded | Refused:
        return self.tell(self.event("order.paid", number, at=at, key=f"paid/{number}"))

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> dict[str, Any]:
        found = self.rows(query, *values)
        assert len(found) == 1, found
        return found[0]

    def execute(self, statement: str, *values: Any) -> None:
        with self.pool.connection() as connection:
            connection.execute(statement, values)

    def journey(self, number: str = "N-1001") -> dict[str, Any]:
        """The journey of an order; of several the first."""
        query = (
            "select j.* from journeys j join orders o on o.id = j.order_id where o.number = %s order by j.id limit 1"
        )
        return self.row(query, number)

    def journeys(self) -> list[tuple[str, str, str | None]]:
        """Workflow id, state and outcome of every journey."""
        query = "select workflow_id, state, outcome from journeys order by id"
        return [tuple(row.values()) for row in self.rows(query)]

    def messages(self) -> list[tuple[str, str, str, str | None]]:
        """Step, channel, state and reason of every message."""
        query = "select step, channel, state, reason from messages order by id"
        return [tuple(row.values()) for row in self.rows(query)]

    def tasks(self) -> list[tuple[str, str, str]]:
        """Name, team and title of every task."""
        return [tuple(row.values()) for row in self.rows("select task, team, title from tasks order by id")]

    def open_rows(self) -> int:
        """Rows of the outbox that Temporal has not been told of."""
        return int(self.row("select count(*) as count from outbox where done_at is null")["count"])
