"""Decides one send: the questions in order, pure but for where facts are asked and what was decided is written.

The order of the questions is the order of the reasons an operator sees; docs/messages.md explains each. The database
(`reserve.py`) and the simulator each say how the facts are asked; the questions are the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.calendar.local import zone as find_zone
from engine.calendar.opening import Recipient, held_until, opening
from engine.facts.since import Occurrence
from engine.journeys.plan import Trigger
from engine.journeys.wire import DeliverRequest
from engine.messages.caps import Capped, find_cap
from engine.messages.decision import Known, NotBefore, Proceed, Reservation, Settled, Terms
from engine.messages.fallback import gives_way
from engine.messages.holdout import held_out
from engine.messages.patience import after_hold, after_pause
from engine.messages.places import Given, Wish
from engine.messages.reasons import DeferReason, SkipReason
from engine.messages.tokens import Claim, Queued, Token
from engine.policy import Hold, Limit, Policy

_FINAL = frozenset({"sent", "skipped", "failed", "in_doubt"})


class Deciding(ABC):
    """One decision: the questions of a reservation, in order. Each is a method, so that a test can break it."""

    def __init__(self, request: DeliverRequest, terms: Terms, moment: datetime, known: Known) -> None:
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
        held_out_of = self._holdout()
        return self._skip(None, held_out_of) if held_out_of else None

    def _goes_on(self) -> bool:
        over = self.subject["state"] != "running" or self._stop() is not None
        return not over and not self._goal_reached() and not self._killed()

    def _goal_reached(self) -> bool:
        goal = self.terms.plan.goal
        return goal is not None and goal.ends and self._occurred(goal.any)

    def _killed(self) -> bool:
        return any(control["state"] == "killed" for control in self.known.controls)

    def _holdout(self) -> SkipReason | None:
        if self.policy.transactional(self.purpose):
            return None
        customer, plan = self.subject["customer_key"], self.terms.plan
        if held_out(customer, self.policy.holdout):
            return "global_holdout"
        return "holdout" if held_out(customer, plan.controls.holdout, plan.playbook) else None

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
        on = [hold for hold in asked if self._holds(hold)]
        return min(on, key=lambda hold: hold.do != "skip", default=None)

    def _shut(self, at: datetime) -> tuple[DeferReason, datetime] | None:
        held = held_until(at, self._recipient(), self.purpose, self.policy, self._spread_key())
        return None if held is None else (held.reason, held.until)

    def _cap(self, channel: str) -> Capped | None:
        return find_cap(self.policy, self.purpose, channel, self.moment, self.known.others)

    def _places(self, channel: str) -> Given:
        wish = Wish(self.purpose, channel, self.subject["playbook"], self._recipient(), self._spread_key())
        return self._find_places(wish, self._held_places(), promised=self._promised())

    def _token(self, channel: str, *, must: bool = False) -> Token | Queued | None:
        configured = self.policy.channels.get(channel)
        if configured is None or configured.limit is None:
            return None
        claim = Claim(
            near=self.terms.near,
            returning=self.before is not None and self.before["reason"] == "channel_limit",
            urgent=self.policy.transactional(self.purpose),
            must=must,
        )
        return self._take(channel, configured.limit, claim)

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
        return self._write(values)

    # --- what is asked of the facts, and where it is written -------------------------------------------------------

    @abstractmethod
    def _stop(self) -> Occurrence | None:
        """What has stopped the journey as of the moment."""

    @abstractmethod
    def _write_stop(self, stop: Occurrence) -> None:
        """Writes the stop, unless the journey is over already."""

    @abstractmethod
    def _occurred(self, triggers: Sequence[Trigger]) -> bool:
        """Whether one of the triggers has happened to the journey's subject as of the moment."""

    @abstractmethod
    def _holds(self, hold: Hold) -> bool:
        """Whether a hold's condition is true of the customer."""

    @abstractmethod
    def _find_places(self, wish: Wish, own: Collection[str], *, promised: bool) -> Given:
        """Places of the capacities, now or later; `own` are those that the message has."""

    @abstractmethod
    def _take(self, channel: str, limit: Limit, claim: Claim) -> Token | Queued:
        """A token of the channel's limit, or a turn in its queue."""

    @abstractmethod
    def _write(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """Writes the message's row and its places; gives its id and its attempts."""
