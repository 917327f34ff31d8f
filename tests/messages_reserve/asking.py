"""Asking for the reservation of one message, in a transaction of its own."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from engine.journeys.wire import DeliverRequest
from engine.language.rules import Rules
from engine.messages.decision import Terms
from engine.messages.record import mark_in_flight, record_doubt, record_failed, record_not_taken, record_sent
from engine.messages.reserve import Proceed, Reservation, reserve
from engine.policy import Policy
from tests.workflows.rules import HEAD, POLICY, make_rules
from tests.workflows.shop import ZENOBIA, Shop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BEFORE, AFTER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
OLD_ORDERS = HEAD.replace(", max_age: 24h", "")
TWO_CHANNELS = "steps:\n  - send: {id: first, channel: [sms, email], template: reminder}\n"


def rules(*, purpose: str = "service", steps: str | None = None, more: str = "", policy: str | None = None) -> Any:
    """Rules whose journeys begin with an order however old; `more` stands at the playbook's top level."""
    head = OLD_ORDERS.replace("purpose: service", f"purpose: {purpose}") + more
    return make_rules(steps or TWO_CHANNELS, head=head, **({"policy": policy} if policy else {}))


@dataclass
class Asking:
    """Asks as an activity would. `keyed` are the channels whose provider takes a key, `in_force` other rules."""

    shop: Shop
    keyed: Collection[str] = ()
    in_force: Rules | None = None
    near: timedelta = timedelta()

    @property
    def rules(self) -> Rules:
        return self.in_force or self.shop.rules

    def __call__(self, moment: datetime = NOON, *, number: str = "N-1001", **request: Any) -> Reservation:
        with self.shop.pool.connection() as connection:
            return self.on(connection, moment, number=number, **request)

    def on(
        self, connection: psycopg.Connection[Any], moment: datetime = NOON, *, number: str = "N-1001", **request: Any
    ) -> Reservation:
        """The same in a transaction of the caller's."""
        plan = self.rules.plans["payment-reminder"]
        terms = Terms(plan, self.rules, self.keyed, self.shop.matcher.events, self.near)
        return reserve(connection, replace(self.request(moment, number), **request), terms, moment)

    def request(self, moment: datetime = NOON, number: str = "N-1001") -> DeliverRequest:
        """The send of a journey's first step."""
        return DeliverRequest(
            journey=self.shop.journey(number)["id"],
            step="first",
            iteration=1,
            at=moment,
            due=moment,
            channels=["email"],
            template="reminder",
            clock="timers",
        )

    @property
    def policy(self) -> Policy:
        return self.rules.policy

    def hand_over(self, proceed: Proceed) -> bool:
        with self.shop.pool.connection() as connection:
            return mark_in_flight(connection, proceed.message, proceed.attempt)

    def sent(self, proceed: Proceed) -> None:
        with self.shop.pool.connection() as connection:
            record_sent(connection, proceed.message, "provider's id")

    def not_taken(self, proceed: Proceed) -> None:
        with self.shop.pool.connection() as connection:
            record_not_taken(connection, proceed.message, proceed.attempt)

    def failed(self, proceed: Proceed) -> None:
        with self.shop.pool.connection() as connection:
            record_failed(connection, proceed.message, "recipient_refused")

    def doubted(self, proceed: Proceed) -> None:
        with self.shop.pool.connection() as connection:
            record_doubt(connection, proceed.message, "no_answer")


@dataclass
class People:
    """Somebody new for each question, in a shop that tests share."""

    shop: Shop
    numbers: Iterator[int]

    def new(self, *, customer: str | None = None, **person: Any) -> str:
        """Somebody who ordered a day ago and has not paid; gives the order's number."""
        number = f"N-{next(self.numbers)}"
        told = {**ZENOBIA, **person}
        known = {name: value for name, value in told.items() if value is not None}
        self.shop.place(number, customer=customer or f"of {number}", at=NOON - timedelta(days=1), person=known)
        return number

    def under(
        self, policy: str = "", *, purpose: str = "service", near: timedelta = timedelta(), **more: Any
    ) -> Asking:
        """How to ask with these lines added to the policy, for a playbook of this purpose."""
        return Asking(self.shop, in_force=rules(purpose=purpose, policy=POLICY + policy, **more), near=near)

    def row(self, number: str, step: str = "first") -> dict[str, Any]:
        """The message of an order's journey."""
        return self.shop.row(
            "select m.* from messages m join journeys j on j.id = m.journey_id join orders o on o.id = j.order_id"
            " where o.number = %s and m.step = %s",
            number,
            step,
        )
