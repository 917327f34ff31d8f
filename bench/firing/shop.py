"""The shop: people order and some of them pay, told through the real intake, again and again until it is taken."""

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from bench.firing.rules import ADDRESS, NUMBER
from engine.composition import event_matcher
from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.events import Event, Recorded
from engine.facts.pool import open_pool
from engine.language.rules import Rules

_OVER = "select count(*) from journeys where state <> 'running'"
_REMINDED = """
select distinct o.number from messages m join journeys j on j.id = m.journey_id join orders o on o.id = j.order_id
 where o.number = any(%s)
"""


@dataclass(frozen=True)
class Custom:
    """How many orders come, at most how many at once; the share that is paid, within how many seconds of a message."""

    orders: int
    at_once: int
    paying: float
    pays_within: float


@dataclass
class Shop:
    """Orders come as fast as journeys end.

    `placed` and `paid` hold, by the order's number, when the event was surely committed, in seconds since the epoch.
    """

    url: str
    rules: Rules
    custom: Custom
    seed: int
    placed: dict[str, float] = field(default_factory=dict)
    paid: dict[str, float] = field(default_factory=dict)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._will_pay: dict[str, float] = {}

    def open(self) -> None:
        """Begins to tell."""
        self._thread.start()

    def close(self) -> None:
        """Ends, done or not."""
        self._stop.set()
        self._thread.join(60)

    @property
    def done(self) -> bool:
        """Whether everything has been told."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            with open_pool(self.url, size=2) as pool:
                self._sell(pool, self._prepared(pool))
        except BaseException as error:  # noqa: BLE001 - the bench tells it
            self.error = error

    def _prepared(self, pool: ConnectionPool) -> Matcher:
        versions = StoredVersions()
        versions.compiled[self.rules.version] = self.rules
        with pool.connection() as connection:
            connection.execute(
                "insert into shops (key, name, zone, currency, country)"
                " values ('main', 'Main', 'UTC', 'EUR', 'DE') on conflict do nothing"
            )
            publish(connection, self.rules)
        return Matcher(self.rules, versions, event_matcher(pool, self.rules))

    def _sell(self, pool: ConnectionPool, matcher: Matcher) -> None:
        number = 0
        due: dict[str, float] = {}
        while not self._stop.is_set() and (number < self.custom.orders or due or self._will_pay):
            for order in [order for order, at in due.items() if at <= time.monotonic()]:
                self.paid[order] = self._tell(pool, matcher, "order.paid", order, None, {})
                del due[order]
            for order in self._ask(pool, _REMINDED, list(self._will_pay)):
                due[order] = time.monotonic() + self._will_pay.pop(order)
            over = self._ask(pool, _OVER)
            if number < self.custom.orders and len(self.placed) - sum(over) < self.custom.at_once:
                for _ in range(min(10, self.custom.orders - number)):
                    self._place(pool, matcher, number)
                    number += 1
            else:
                time.sleep(0.1)

    def _place(self, pool: ConnectionPool, matcher: Matcher, number: int) -> None:
        order = NUMBER.format(number)
        person = {"given_name": f"Buyer {number}", "email": ADDRESS.format(number), "country": "DE", "locale": "en"}
        data = {"payment_method": "bank_slip", "total": {"amount": "49.90", "currency": "EUR"}, "customer": person}
        self.placed[order] = self._tell(pool, matcher, "order.placed", order, f"c{number}", data)
        if self._chance.random() < self.custom.paying:
            self._will_pay[order] = self._chance.uniform(0.0, self.custom.pays_within)

    def _tell(
        self,
        pool: ConnectionPool,
        matcher: Matcher,
        kind: str,
        order: str,
        customer: str | None,
        data: Mapping[str, Any],
    ) -> float:
        """Tells an event until it is taken, under one key; gives an instant at which its commit is over."""
        event = Event(kind, f"{kind}/{order}", datetime.now(UTC), "main", customer, order, data)
        while not self._stop.is_set():
            try:
                with pool.connection(timeout=5.0) as connection:
                    outcome = accept(connection, matcher, event, datetime.now(UTC))
            except (psycopg.OperationalError, PoolTimeout):
                time.sleep(0.2)  # the database is away
                continue
            if not isinstance(outcome, Recorded):
                raise TypeError(f"{kind} of {order} was refused: {outcome}")
            return time.time()
        raise InterruptedError("closed")

    def _ask(self, pool: ConnectionPool, query: LiteralString, *values: object) -> list[Any]:
        """One column; nothing while the database is away."""
        try:
            with pool.connection(timeout=5.0) as connection:
                return [row[0] for row in connection.execute(query, values)]
        except (psycopg.OperationalError, PoolTimeout):
            return []
