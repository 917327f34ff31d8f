"""What a send is decided by and what may be decided, as data: for the database and for the simulator."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from engine.conditions.ast import Condition
from engine.facts.matching import EventMatcher
from engine.journeys.plan import Plan
from engine.language.rules import Rules
from engine.messages.caps import Other
from engine.policy import Hold, Policy

_AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class Terms:
    """What a reservation is judged by: the journey's plan, the rules in force, and who decides its triggers.

    `keyed` names the channels whose provider takes an idempotency key. `near` is how far ahead a channel's token may
    lie for the send to wait for it in place.
    """

    plan: Plan
    rules: Rules
    keyed: Collection[str]
    matcher: EventMatcher
    near: timedelta = _AT_ONCE

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.rules.policy

    @property
    def status(self) -> str:
        """The playbook's status in the rules in force; one that they no longer have runs out by its journeys' own."""
        in_force = self.rules.plans.get(self.plan.playbook)
        return "live" if in_force is None else in_force.status


@dataclass(frozen=True)
class Known:
    """One customer's state as known under her lock.

    Attributes:
        subject: the journey, its customer and what it is about.
        existing: what has become of this send already.
        controls: what operators have paused or killed of its playbook, and of all.
        suppressed: channels on which she must not be reached, or `*`.
        consents: channel (or `*`) and answer, the one that counts first.
        others: her other messages, as caps count them.
    """

    subject: dict[str, Any]
    existing: list[dict[str, Any]]
    controls: list[dict[str, Any]]
    suppressed: frozenset[str]
    consents: list[tuple[str, bool]]
    others: tuple[Other, ...]


@dataclass(frozen=True)
class Proceed:
    """The message is ours to send, under this key. `address` is personal data: it goes to the provider only.

    `attempt` counts how often it was so; only the latest attempt may hand it over. `doubted`: an earlier one may have.
    `not_before` is the instant of the channel's token, moments ahead; none where no limit asks to wait.
    """

    message: int
    attempt: int
    doubted: bool
    key: str
    channel: str
    customer: int
    order: int | None
    address: str
    not_before: datetime | None = None
    shipment: int | None = None
    case: int | None = None


@dataclass(frozen=True)
class Settled:
    """Nothing to do any more: what has become of the message. `stopped`: the event that stopped the journey."""

    state: str
    at: datetime
    reason: str | None = None
    stopped: str | None = None


@dataclass(frozen=True)
class NotBefore:
    """The message may leave at `until` at the earliest."""

    until: datetime
    reason: str


Reservation = Proceed | Settled | NotBefore


_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def condition_of(hold: Hold) -> Condition:
    """What a hold asks of a customer."""
    return _parsed(hold.model_dump_json())


@cache
def _parsed(hold: str) -> Condition:
    """Policies change seldom, and a hold is asked at each send."""
    return _CONDITION.validate_python(Hold.model_validate_json(hold).condition)
