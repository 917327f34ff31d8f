"""Reserve: may this message leave now? Asked under lock, as of one moment, and answered once and for all.

The lock is the customer's row, the same that the intake of an event takes: a payment and a reminder are one after the
other. The order of the questions is the order of the reasons an operator sees.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from engine.calendar.quiet import quiet_until
from engine.facts.matching import EventMatcher
from engine.journeys.plan import Plan
from engine.journeys.wire import DeliverRequest
from engine.messages.fallback import gives_way
from engine.messages.stop import find_stop, occurred, write_stop
from engine.policy import Policy

_SUBJECT = """
select j.workflow_id, j.playbook, j.customer_id, j.order_id, j.state, j.outcome, j.stopped_at, j.started_at,
       e.kind as started_by, c.email, c.phone, c.key as customer_key, coalesce(c.zone, s.zone) as zone,
       coalesce(o.number, c.key) as subject_key
  from journeys j
  join customers c on c.id = j.customer_id
  left join events e on e.id = j.event_id
  left join orders o on o.id = j.order_id
  left join shops s on s.id = o.shop_id
 where j.id = %s
   for update of c, j
"""
_EXISTING = "select * from messages where journey_id = %s and step = %s and iteration = %s order by id for update"
_BARRED = """
select channel, 'suppressed' as bar from suppressions
 where customer_id = %(customer)s and since <= %(moment)s and (until is null or until > %(moment)s)
"""
_CONSENT = """
select granted from consents
 where customer_id = %s and purpose = %s and channel in (%s, '*') and (at is null or at <= %s)
 order by at desc nulls last, (channel = '*'), id desc limit 1
"""
_PUT = """
insert into messages (key, journey_id, customer_id, playbook, step, iteration, channel, purpose, state, reason,
                      due_at, at, until, provider, attempts)
values (%(key)s, %(journey)s, %(customer)s, %(playbook)s, %(step)s, %(iteration)s, %(channel)s, %(purpose)s,
        %(state)s, %(reason)s, %(due)s, %(at)s, %(until)s, %(provider)s, %(attempts)s)
on conflict (journey_id, step, iteration, channel) do update
   set state = excluded.state, reason = excluded.reason, at = excluded.at, until = excluded.until,
       provider = excluded.provider, attempts = messages.attempts + excluded.attempts, updated_at = now()
returning id, attempts
"""
_MOVE = """
update messages set channel = %(channel)s, key = %(key)s
 where journey_id = %(journey)s and step = %(step)s and iteration = %(iteration)s and channel = %(chosen)s
   and state in ('planned', 'reserved', 'deferred')
"""


@dataclass(frozen=True)
class Proceed:
    """The message is ours to send, under this key. `address` is personal data: it goes to the provider only.

    `attempt` counts how often it was so; only the latest attempt may hand it over. `doubted`: an earlier one may have.
    """

    message: int
    attempt: int
    doubted: bool
    key: str
    channel: str
    customer: int
    order: int | None
    address: str


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


@dataclass(frozen=True)
class Terms:
    """What a reservation is judged by: the journey's plan, the policy in force, and who decides its triggers.

    `keyed` names the channels whose provider takes an idempotency key.
    """

    plan: Plan
    policy: Policy
    keyed: Collection[str]
    matcher: EventMatcher


def reserve(
    connection: psycopg.Connection[Any], request: DeliverRequest, terms: Terms, moment: datetime
) -> Reservation:
    """Decides one send as of `moment` and records the decision. The caller commits.

    Raises:
        LookupError: there is no such journey.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        subject = cursor.execute(_SUBJECT, (request.journey,)).fetchone()
        if subject is None:
            raise LookupError(f"journey {request.journey} is not in the database")
        existing = cursor.execute(_EXISTING, (request.journey, request.step, request.iteration)).fetchall()
    return _Reserving(connection, request, terms, moment, subject).decide(existing)


class _Reserving:
    """One decision: the questions of a reservation, in order."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        request: DeliverRequest,
        terms: Terms,
        moment: datetime,
        subject: Mapping[str, Any],
    ) -> None:
        self.connection = connection
        self.request = request
        self.terms = terms
        self.moment = moment
        self.subject = subject
        self.chosen: str | None = None
        self.channels: Sequence[str] = request.channels

    def decide(self, existing: list[dict[str, Any]]) -> Reservation:
        gone = [row for row in existing if gives_way(row["state"], row["reason"])]
        existing = [row for row in existing if row not in gone]
        self.channels = [each for each in self.request.channels if each not in {row["channel"] for row in gone}]
        if gone and not existing and not any(self._why_not(channel) is None for channel in self.channels):
            return Settled("failed", gone[-1]["at"], gone[-1]["reason"])
        for row in existing:
            if row["state"] in {"sent", "skipped", "failed", "in_doubt"}:
                over = row["reason"] in {"stopped", "journey_over"}
                return Settled(row["state"], row["at"], row["reason"], self.subject["outcome"] if over else None)
        under_way = next((row for row in existing if row["state"] == "in_flight"), None)
        if under_way is not None:
            return self._again(under_way)
        self.chosen = existing[0]["channel"] if existing else None
        return self._barred() or self._through_a_channel()

    def _again(self, row: Mapping[str, Any]) -> Reservation:
        """An attempt died between the provider and the record: nobody here knows whether the message left."""
        channel = self.terms.policy.channels.get(row["channel"])
        resend = channel is not None and channel.in_doubt == "resend"
        self.chosen = row["channel"]
        # A second copy is risked only for a journey that goes on; a provider with keys makes none.
        if row["channel"] in self.terms.keyed or (resend and self._goes_on()):
            return self._proceed(row["channel"], at=row["at"], doubted=True)
        self._put(row["channel"], "in_doubt", "worker_died", at=row["at"])
        return Settled("in_doubt", row["at"], "worker_died")

    def _barred(self) -> Settled | None:
        """Reasons that concern the whole journey: it has been stopped, cancelled, or reached its goal."""
        stop = find_stop(self.connection, self.subject, self.terms.plan, self.moment, self.terms.matcher)
        if stop is not None:
            write_stop(self.connection, self.request.journey, stop)
            return self._skip(None, "stopped", stopped=stop.event)
        if self.subject["state"] != "running":
            return self._skip(None, "journey_over", stopped=self.subject["outcome"])
        if self._goal_reached():
            return self._skip(None, "goal_reached")
        return None

    def _goes_on(self) -> bool:
        plan, matcher = self.terms.plan, self.terms.matcher
        stop = find_stop(self.connection, self.subject, plan, self.moment, matcher)
        return stop is None and self.subject["state"] == "running" and not self._goal_reached()

    def _goal_reached(self) -> bool:
        goal = self.terms.plan.goal
        plan, matcher = self.terms.plan, self.terms.matcher
        return goal is not None and occurred(self.connection, self.subject, plan, goal.any, self.moment, matcher)

    def _through_a_channel(self) -> Reservation:
        """The first channel that is configured, has an address, and may be used; else the first one's reason."""
        refusals: list[tuple[str, str]] = []
        for channel in self.channels:
            reason = self._why_not(channel)
            if reason is None:
                return self._when_awake(channel)
            if reason != "channel_not_configured":
                refusals.append((channel, reason))
        if not refusals:
            return self._skip(self.channels[-1], "channel_not_configured")
        channel, reason = next((each for each in refusals if each[0] == self.chosen), refusals[0])
        return self._skip(channel, reason)

    def _why_not(self, channel: str) -> str | None:
        if channel not in self.terms.policy.channels:
            return "channel_not_configured"
        if not self._address(channel):
            return "no_address"
        parameters = {"customer": self.subject["customer_id"], "moment": self.moment}
        barred = {row[0] for row in self.connection.execute(_BARRED, parameters)}
        if barred & {channel, "*"}:
            return "suppressed"
        return None if self._consented(channel) else "no_consent"

    def _consented(self, channel: str) -> bool:
        purpose = self.terms.plan.controls.purpose
        asked = self.terms.policy.consent(purpose)
        if asked == "none":
            return True
        row = self.connection.execute(_CONSENT, (self.subject["customer_id"], purpose, channel, self.moment)).fetchone()
        return asked == "opt_out" if row is None else bool(row[0])

    def _when_awake(self, channel: str) -> Reservation:
        quiet = self.terms.policy.quiet_hours
        if quiet is None or self.terms.plan.controls.purpose in quiet.exempt:
            return self._proceed(channel, at=self.moment)
        zone = self.subject["zone"] or self.terms.policy.zone
        until = quiet_until(self.moment, zone, quiet, self._spread_key())
        if until is None:
            return self._proceed(channel, at=self.moment)
        self._put(channel, "deferred", "quiet_hours", at=self.moment, until=until)
        return NotBefore(until, "quiet_hours")

    def _spread_key(self) -> str:
        """Names the send by what the shop knows, so that the same facts spread alike in every run."""
        return "/".join(
            (self.subject["playbook"], self.subject["subject_key"], self.request.step, str(self.request.iteration))
        )

    def _address(self, channel: str) -> str | None:
        configured = self.terms.policy.channels.get(channel)
        column = {"email": "email", "phone": "phone", "customer": "customer_key"}[
            configured.address if configured else "email"
        ]
        address: str | None = self.subject[column]
        return address

    def _proceed(self, channel: str, *, at: datetime, doubted: bool = False) -> Proceed:
        # It is marked as in flight when it is handed over; what once was stays so, for it may have left.
        message, attempt = self._put(channel, "in_flight" if doubted else "reserved", None, at=at, attempts=1)
        return Proceed(
            message,
            attempt,
            doubted,
            self._key(channel),
            channel,
            self.subject["customer_id"],
            self.subject["order_id"],
            self._address(channel) or "",
        )

    def _skip(self, channel: str | None, reason: str, *, stopped: str | None = None) -> Settled:
        self._put(channel or self.chosen or self._planned_channel(), "skipped", reason, at=self.moment)
        return Settled("skipped", self.moment, reason, stopped)

    def _planned_channel(self) -> str:
        """The channel a message was planned for, where none has been chosen yet."""
        configured = [channel for channel in self.channels if channel in self.terms.policy.channels]
        return (configured or self.channels)[0]

    def _key(self, channel: str) -> str:
        return f"{self.subject['workflow_id']}/{self.request.step}/{self.request.iteration}/{channel}"

    def _put(
        self,
        channel: str,
        state: str,
        reason: str | None,
        *,
        at: datetime,
        until: datetime | None = None,
        attempts: int = 0,
    ) -> tuple[int, int]:
        """Writes the message's row and gives its id and its attempts."""
        if self.chosen is not None and self.chosen != channel:
            self._move(self.chosen, channel)
        configured = self.terms.policy.channels.get(channel)
        row = self.connection.execute(
            _PUT,
            {
                "key": self._key(channel),
                "journey": self.request.journey,
                "customer": self.subject["customer_id"],
                "playbook": self.subject["playbook"],
                "step": self.request.step,
                "iteration": self.request.iteration,
                "channel": channel,
                "purpose": self.terms.plan.controls.purpose,
                "state": state,
                "reason": reason,
                "due": self.request.due,
                "at": at,
                "until": until,
                "provider": configured.provider if configured else None,
                "attempts": attempts,
            },
        ).fetchone()
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
