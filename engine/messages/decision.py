"""What a reservation decides about, by which terms, and how what it decided is written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from engine.conditions.ast import Condition
from engine.facts.matching import EventMatcher
from engine.journeys.campaign import Campaign, Wave
from engine.journeys.plan import Plan
from engine.journeys.wire import DeliverRequest
from engine.language.rules import Rules
from engine.messages.capacities import count
from engine.messages.known import Known
from engine.messages.reasons import SkipReason
from engine.policy import Policy

_PUT = """
insert into messages (key, journey_id, customer_id, playbook, step, iteration, channel, purpose, state, reason,
                      due_at, at, until, provider, attempts, places)
values (%(key)s, %(journey)s, %(customer)s, %(playbook)s, %(step)s, %(iteration)s, %(channel)s, %(purpose)s,
        %(state)s, %(reason)s, %(due)s, %(at)s, %(until)s, %(provider)s, %(attempts)s,
        coalesce(%(places)s::text[], '{}'))
on conflict (journey_id, step, iteration, channel) do update
   set state = excluded.state, reason = excluded.reason, at = excluded.at, until = excluded.until,
       provider = excluded.provider, attempts = messages.attempts + excluded.attempts,
       places = coalesce(%(places)s::text[], messages.places), updated_at = now()
returning id, attempts
"""
_MOVE = """
update messages set channel = %(channel)s, key = %(key)s
 where journey_id = %(journey)s and step = %(step)s and iteration = %(iteration)s and channel = %(chosen)s
   and state in ('planned', 'reserved', 'deferred')
"""
_AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class Wanted:
    """A condition of the customer, whether it must hold or must not, and the reason if it is otherwise."""

    condition: Condition
    must: bool
    reason: SkipReason


def wanted(campaign: Campaign, wave: Wave) -> tuple[Wanted, ...]:
    """What is asked of a customer whenever a wave's message could leave."""
    drop, only_if = campaign.drop_when, wave.only_if
    return (
        *(() if drop is None else (Wanted(drop, must=False, reason="drop_when"),)),
        *(() if only_if is None else (Wanted(only_if, must=True, reason="only_if"),)),
    )


class Terms(NamedTuple):
    """What a reservation is judged by: the journey's plan, the rules in force, and who decides its triggers.

    `keyed` names the channels whose provider takes an idempotency key. `near` is how far ahead a channel's token may
    lie for the send to wait for it in place. `asked` are conditions of the customer, asked again at each try.
    """

    plan: Plan
    rules: Rules
    keyed: Collection[str]
    matcher: EventMatcher
    near: timedelta = _AT_ONCE
    asked: Sequence[Wanted] = ()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.rules.policy

    @property
    def status(self) -> str:
        """The playbook's status in the rules in force; one that they no longer have runs out by its journeys' own."""
        return status_in_force(self.rules, self.plan.playbook)


def status_in_force(rules: Rules, playbook: str) -> str:
    """The playbook's status in the rules in force; one that they no longer have runs out."""
    in_force = rules.plan(playbook)
    return "live" if in_force is None else in_force.status


class Decision:
    """One send that is being decided, and its row."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        request: DeliverRequest,
        terms: Terms,
        moment: datetime,
        known: Known,
    ) -> None:
        self.connection = connection
        self.request = request
        self.terms = terms
        self.moment = moment
        self.known = known
        self.subject = known.subject
        self.purpose = terms.plan.controls.purpose
        self.before: Mapping[str, Any] | None = None
        self.channels: Sequence[str] = request.channels

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.terms.policy

    @property
    def chosen(self) -> str | None:
        """The channel that an earlier decision took."""
        return None if self.before is None else self.before["channel"]

    def _planned_channel(self) -> str:
        """The channel a message was planned for, where none has been chosen yet."""
        configured = [channel for channel in self.channels if channel in self.policy.channels]
        return self.chosen or (configured or self.channels)[0]

    def _key(self, channel: str) -> str:
        return f"{self.subject['workflow_id']}/{self.request.step}/{self.request.iteration}/{channel}"

    def _held_places(self) -> list[str]:
        return [] if self.before is None else self.before["places"]

    def _promised(self) -> bool:
        return self.before is not None and self.before["state"] == "deferred"

    def _put(
        self,
        channel: str,
        state: str,
        reason: str | None,
        *,
        at: datetime,
        until: datetime | None = None,
        attempts: int = 0,
        places: tuple[str, ...] | None = None,
    ) -> tuple[int, int]:
        """Writes the message's row and gives its id and its attempts. `places`: none if they stay as they are."""
        configured = self.policy.channels.get(channel)
        values = {
            "key": self._key(channel),
            "journey": self.request.journey,
            "customer": self.subject["customer_id"],
            "playbook": self.subject["playbook"],
            "step": self.request.step,
            "iteration": self.request.iteration,
            "channel": channel,
            "purpose": self.purpose,
            "state": state,
            "reason": reason,
            "due": self.request.due,
            "at": at,
            "until": until,
            "provider": configured.provider if configured else None,
            "attempts": attempts,
            "places": None if places is None else list(places),
        }
        with self.connection.pipeline():
            if places is not None:
                held, deferred = self._held_places(), state == "deferred"
                count(self.connection, held, places, were_promised=self._promised(), are_promised=deferred)
            if self.chosen is not None and self.chosen != channel:
                self._move(self.chosen, channel)
            written = self.connection.execute(_PUT, values)
        row = written.fetchone()
        if row is None:
            raise LookupError("an upsert always returns its row")
        return int(row[0]), int(row[1])

    def _move(self, chosen: str, channel: str) -> None:
        """One send is one row, also when it takes another channel than the one it was held back or tried on."""
        self.connection.execute(
            _MOVE,
            {
                "channel": channel,
                "key": self._key(channel),
                "journey": self.request.journey,
                "step": self.request.step,
                "iteration": self.request.iteration,
                "chosen": chosen,
            },
        )
