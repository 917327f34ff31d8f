"""Reserve: may this message leave now? Asked under lock, as of one moment, and answered once and for all.

The lock is the customer's row, the same that the intake of an event takes: a payment and a reminder are one after the
other. Locks are taken in one order: the customer, the journey, the message, then what all customers share (capacities,
then the channel's limit), which are held only until the commit. The order of the questions is the order of the reasons
an operator sees; docs/messages.md explains each.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import psycopg
from pydantic import TypeAdapter

from engine.calendar.local import zone as find_zone
from engine.calendar.opening import Recipient, held_until, opening
from engine.conditions.ast import Condition
from engine.facts.evaluate import Asked, evaluator
from engine.journeys.wire import DeliverRequest
from engine.messages.capacities import Given, Wish, ask_for_places
from engine.messages.caps import find_cap, look_back
from engine.messages.channel_limit import Claim, Queued, Token, take
from engine.messages.decision import Decision, Terms
from engine.messages.fallback import gives_way
from engine.messages.holdout import kept_out
from engine.messages.known import read_known
from engine.messages.patience import after_hold, after_pause
from engine.messages.reasons import DeferReason, SkipReason
from engine.messages.stop import find_stop, occurred, write_stop
from engine.policy import Hold, Limit

_FINAL = frozenset({"sent", "skipped", "failed", "in_doubt"})


class Proceed(NamedTuple):
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


class Settled(NamedTuple):
    """Nothing to do any more: what has become of the message. `stopped`: the event that stopped the journey."""

    state: str
    at: datetime
    reason: str | None = None
    stopped: str | None = None


class NotBefore(NamedTuple):
    """The message may leave at `until` at the earliest."""

    until: datetime
    reason: str


Reservation = Proceed | Settled | NotBefore


def reserve(
    connection: psycopg.Connection[Any], request: DeliverRequest, terms: Terms, moment: datetime
) -> Reservation:
    """Decides one send as of `moment` and records the decision. The caller commits.

    Raises:
        LookupError: there is no such journey.
    """
    purpose = terms.plan.controls.purpose
    back = None if terms.policy.transactional(purpose) else look_back(terms.policy)
    known = read_known(connection, request, purpose, moment, back)
    if known is None:
        raise LookupError(f"journey {request.journey} is not in the database")
    return Reserving(connection, request, terms, moment, known).decide()


class Reserving(Decision):
    """One decision: the questions of a reservation, in order. Each is a method, so that a test can break it."""

    def decide(self) -> Reservation:
        """The answer, recorded."""
        gone = [row for row in self.known.existing if gives_way(row["state"], row["reason"])]
        existing = [row for row in self.known.existing if row not in gone]
        self.channels = [each for each in self.request.channels if each not in {row["channel"] for row in gone}]
        if gone and not existing and not any(self._why_not(channel) is None for channel in self.channels):
            return Settled("failed", gone[-1]["at"], gone[-1]["reason"])
        for row in existing:
            if row["state"] in _FINAL:
                over = row["reason"] in {"stopped", "journey_over"}
                return Settled(row["state"], row["at"], row["reason"], self.subject["outcome"] if over else None)
        under_way = next((row for row in existing if row["state"] == "in_flight"), None)
        if under_way is not None:
            return self._again(under_way)
        self.before = existing[0] if existing else None
        return self._barred() or self._paused() or self._through_a_channel()

    def _again(self, row: Mapping[str, Any]) -> Reservation:
        """An attempt died between the provider and the record: nobody here knows whether the message left."""
        configured = self.policy.channels.get(row["channel"])
        resend = configured is not None and configured.in_doubt == "resend"
        self.before = row
        # A second copy is risked only for a journey that goes on; a provider with keys makes none.
        if row["channel"] in self.terms.keyed or (resend and self._goes_on()):
            token = self._token(row["channel"], must=True)
            return self._proceed(row["channel"], token, at=row["at"], doubted=True)
        self._put(row["channel"], "in_doubt", "worker_died", at=row["at"])
        return Settled("in_doubt", row["at"], "worker_died")

    # --- the journey, its playbook and its customer -----------------------------------------------------------------

    def _barred(self) -> Settled | None:
        """Reasons that concern all that the journey sends: it is over, or must not reach this customer."""
        stop = self._stop()
        if stop is not None:
            self._write_stop(stop)
            return self._skip(None, "stopped", stopped=stop.event)
        if self.subject["state"] != "running":
            return self._skip(None, "journey_over", stopped=self.subject["outcome"])
        if self._goal_reached():
            return self._skip(None, "goal_reached")
        if self._killed():
            return self._skip(None, "killed")
        reason = self._unwanted() or self._holdout()
        return self._skip(None, reason) if reason else None

    def _goes_on(self) -> bool:
        over = self.subject["state"] != "running" or self._stop() is not None
        return not over and not self._goal_reached() and not self._killed()

    def _stop(self) -> Any:  # noqa: ANN401 - an Occurrence or none
        return find_stop(self.connection, self.subject, self.terms.plan, self.moment, self.terms.matcher)

    def _write_stop(self, stop: Any) -> None:  # noqa: ANN401 - an Occurrence
        write_stop(self.connection, self.request.journey, stop)

    def _goal_reached(self) -> bool:
        goal = self.terms.plan.goal
        matcher = self.terms.matcher
        if goal is None or not goal.ends:
            return False
        return occurred(self.connection, self.subject, goal.any, self.moment, matcher)

    def _killed(self) -> bool:
        return any(control["state"] == "killed" for control in self.known.controls)

    def _unwanted(self) -> SkipReason | None:
        """Why the message is not for this customer, now that it could leave."""
        return next((each.reason for each in self.terms.asked if self._holds(each.condition) != each.must), None)

    def _holdout(self) -> SkipReason | None:
        plan = self.terms.plan
        return kept_out(self.policy, plan.controls, self.subject["customer_key"], plan.playbook)

    def _paused(self) -> NotBefore | None:
        """A pause delays and loses nothing: the message is asked for again from time to time."""
        found = self._pause()
        if found is None:
            return None
        reason, since = found
        return self._defer(self._planned_channel(), reason, after_pause(since, self.moment))

    def _pause(self) -> tuple[DeferReason, datetime] | None:
        """What is paused, and since when."""
        if self.subject["paused_at"] is not None:
            return "journey_paused", self.subject["paused_at"]
        for control in self.known.controls:
            if control["state"] == "paused":
                return ("all_paused" if control["playbook"] == "*" else "playbook_paused"), control["at"]
        if self.terms.status == "paused":
            return "playbook_paused", self.request.due
        return ("playbook_draft", self.request.due) if self.terms.status == "draft" else None

    # --- the channel ------------------------------------------------------------------------------------------------

    def _through_a_channel(self) -> Reservation:
        """The first channel that is configured, has an address, and may be used; else the first one's reason."""
        refusals: list[tuple[str, SkipReason]] = []
        for channel in self.channels:
            reason = self._why_not(channel)
            if reason is None:
                return self._when(channel)
            if reason != "channel_not_configured":
                refusals.append((channel, reason))
        if not refusals:
            return self._skip(self.channels[-1], "channel_not_configured")
        channel, reason = next((each for each in refusals if each[0] == self.chosen), refusals[0])
        return self._skip(channel, reason)

    def _why_not(self, channel: str) -> SkipReason | None:
        if channel not in self.policy.channels:
            return "channel_not_configured"
        if not self._address(channel):
            return "no_address"
        if not self._may_be_tested_on(channel):
            return "no_test_recipient"
        if self._suppressed(channel):
            return "suppressed"
        return None if self._consented(channel) else "no_consent"

    def _may_be_tested_on(self, channel: str) -> bool:
        if self.policy.mode == "live" and self.terms.status != "test":
            return True
        known = {name.casefold() for name in self.policy.test_recipients}
        return bool(known & {(self._address(channel) or "").casefold(), self.subject["customer_key"].casefold()})

    def _suppressed(self, channel: str) -> bool:
        return bool({channel, "*"} & self.known.suppressed)

    def _consented(self, channel: str) -> bool:
        asked = self.policy.consent(self.purpose)
        if asked == "none":
            return True
        granted = next((each for named, each in self.known.consents if named in (channel, "*")), None)
        return asked == "opt_out" if granted is None else granted

    # --- the time ---------------------------------------------------------------------------------------------------

    def _when(self, channel: str) -> Reservation:
        """At once, or when holds, the calendar, caps, capacities and the channel's limit allow it."""
        hold = self._hold()
        if hold is not None:
            if hold.do == "skip":
                return self._skip(channel, "held")
            return self._defer(channel, "held", after_hold(self.request.due, self.moment))
        shut = self._shut(self.moment)
        if shut is not None:
            return self._defer(channel, *shut)
        capped = self._cap(channel)
        if capped is not None:
            if capped.cap.do == "skip":
                return self._skip(channel, "cap_reached")
            return self._defer(channel, "cap_reached", self._opening(capped.until))
        given = self._places(channel)
        if given.until is not None:
            return self._defer(channel, "capacity_reached", given.until, tuple(map(str, given.places)))
        token = self._token(channel)
        if isinstance(token, Queued):
            return self._defer(channel, "channel_limit", self._opening(token.until))
        shut = None if token is None or token.at <= self.moment else self._shut(token.at)
        if shut is not None:
            return self._defer(channel, *shut)
        return self._proceed(channel, token, at=self.moment, places=tuple(map(str, given.places)))

    def _hold(self) -> Hold | None:
        """The first hold that is on; one that skips comes before all that delay."""
        asked = [hold for hold in self.policy.holds if not hold.purposes or self.purpose in hold.purposes]
        on = [hold for hold in asked if self._holds(_condition(hold))]
        return min(on, key=lambda hold: hold.do != "skip", default=None)

    def _holds(self, condition: Condition) -> bool:
        rules, customer = self.terms.rules, self.subject["customer_id"]
        asking = evaluator(rules.catalogue, self.terms.matcher.currency, rules.words)
        asked = Asked(customer, "customer", customer, self.moment)
        return asking.holds(self.connection, condition, asked, self.policy.zone)

    def _shut(self, at: datetime) -> tuple[DeferReason, datetime] | None:
        held = held_until(at, self._recipient(), self.purpose, self.policy, self._spread_key())
        return None if held is None else (held.reason, held.until)

    def _cap(self, channel: str) -> Any:  # noqa: ANN401 - Capped or none
        return find_cap(self.policy, self.purpose, channel, self.moment, self.known.others)

    def _places(self, channel: str) -> Given:
        wish = Wish(self.purpose, channel, self.subject["playbook"], self._recipient(), self._spread_key())
        return ask_for_places(
            self.connection, self.policy, wish, self.moment, self._held_places(), promised=self._promised()
        )

    def _token(self, channel: str, *, must: bool = False) -> Token | Queued | None:
        limit = self._limit(channel)
        if limit is None:
            return None
        return take(self.connection, channel, limit, self.moment, self._claim(must=must))

    def _limit(self, channel: str) -> Limit | None:
        configured = self.policy.channels.get(channel)
        return None if configured is None else configured.limit

    def _claim(self, *, must: bool) -> Claim:
        return Claim(
            near=self.terms.near,
            returning=self.before is not None and self.before["reason"] == "channel_limit",
            urgent=self.policy.transactional(self.purpose),
            must=must,
        )

    def _opening(self, at: datetime) -> datetime:
        return opening(at, self._recipient(), self.purpose, self.policy) or at

    def _recipient(self) -> Recipient:
        zone = self.subject["zone"] or self.policy.zone
        try:
            find_zone(zone)
        except ValueError:  # no zone of this version's data; a message is not lost for it
            zone = self.policy.zone
        return Recipient(zone, self.subject["country"])

    def _spread_key(self) -> str:
        """Names the send by what the shop knows, so that the same facts spread alike in every run."""
        return "/".join(
            (self.subject["playbook"], self.subject["subject_key"], self.request.step, str(self.request.iteration))
        )

    def _address(self, channel: str) -> str | None:
        configured = self.policy.channels.get(channel)
        column = {"email": "email", "phone": "phone", "customer": "customer_key"}[
            configured.address if configured else "email"
        ]
        address: str | None = self.subject[column]
        return address

    # --- the record -------------------------------------------------------------------------------------------------

    def _proceed(
        self,
        channel: str,
        token: Token | Queued | None,
        *,
        at: datetime,
        doubted: bool = False,
        places: tuple[str, ...] | None = None,
    ) -> Proceed:
        # It is marked as in flight when it is handed over; what once was stays so, for it may have left.
        state = "in_flight" if doubted else "reserved"
        message, attempt = self._put(channel, state, None, at=at, attempts=1, places=places)
        return Proceed(
            message,
            attempt,
            doubted,
            self._key(channel),
            channel,
            self.subject["customer_id"],
            self.subject["order_id"],
            self._address(channel) or "",
            token.at if isinstance(token, Token) and token.at > self.moment else None,
            shipment=self._subject("shipment"),
            case=self._subject("case"),
        )

    def _subject(self, kind: str) -> int | None:
        """Our number of the journey's subject, if it is of that kind."""
        return self.subject["subject_id"] if self.subject["subject"] == kind else None

    def _defer(self, channel: str, reason: DeferReason, until: datetime, places: tuple[str, ...] = ()) -> NotBefore:
        self._put(channel, "deferred", reason, at=self.moment, until=until, places=places)
        return NotBefore(until, reason)

    def _skip(self, channel: str | None, reason: SkipReason, *, stopped: str | None = None) -> Settled:
        self._put(channel or self._planned_channel(), "skipped", reason, at=self.moment)
        return Settled("skipped", self.moment, reason, stopped)


_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def _condition(hold: Hold) -> Condition:
    return _parsed(hold.model_dump_json())


@cache
def _parsed(hold: str) -> Condition:
    """Policies change seldom, and a hold is asked at each send."""
    return _CONDITION.validate_python(Hold.model_validate_json(hold).condition)
