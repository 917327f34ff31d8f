"""One send in memory: the reservation's own questions, in its own order, asked of what the simulation knows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from engine.conditions.ast import Condition
from engine.conditions.operands import instant, microseconds
from engine.facts.occurrence import Occurrence
from engine.journeys.plan import Plan
from engine.journeys.wire import DeliverRequest
from engine.language.rules import Rules
from engine.messages.capacities import Given, Wish
from engine.messages.caps import Other, waits
from engine.messages.channel_limit import Queued, Token
from engine.messages.decision import Terms, Wanted
from engine.messages.known import Known
from engine.messages.reasons import SkipReason
from engine.messages.reserve import Reserving
from engine.simulation.history import History, column
from engine.simulation.room import Room

COUNTED = frozenset({"reserved", "in_flight", "sent", "in_doubt"})


@dataclass
class Message:
    """One message of a journey, as its row has it."""

    journey: int
    playbook: str
    step: str
    iteration: int
    channel: str
    purpose: str
    state: str
    reason: str | None
    at: datetime
    until: datetime | None
    responses: dict[str, int] = field(default_factory=dict)
    """When the customer opened, clicked and so on, in microseconds."""
    places: tuple[str, ...] = ()
    """Those in capacities that it has, or while it is held back has been promised."""
    room: Room | None = None
    held: dict[str, datetime] = field(default_factory=dict)
    """Since when it was held back, by reason."""

    def skip(self, reason: str, at: datetime) -> None:
        """It is not sent any more."""
        self._give_back()
        self.state, self.reason, self.at, self.until = "skipped", reason, at, None

    def fail(self, reason: str) -> None:
        """Its channel has not taken it."""
        self._give_back()
        self.state, self.reason = "failed", reason

    def _give_back(self) -> None:
        if self.room is not None and self.places:
            promised = self.state == "deferred"
            self.room.change(self.places, (), were_promised=promised, are_promised=False)
            self.places = ()

    @property
    def row(self) -> dict[str, Any]:
        """As a reservation reads it."""
        return {
            "id": id(self),
            "state": self.state,
            "reason": self.reason,
            "channel": self.channel,
            "at": self.at,
            "places": self.places,
        }


class Asking(NamedTuple):
    """What a reservation needs to know of a journey: its row, and who answers what has happened to it."""

    subject: dict[str, Any]
    plan: Plan
    occurred: Callable[[Sequence[Any], datetime], Occurrence | None]
    kept_out: SkipReason | None
    """Of which holdout the customer is."""
    asked: Sequence[Wanted] = ()
    """What is asked of the customer besides."""


class Sending(Reserving):
    """A reservation over memory. Without a `room` nobody else wants a place: capacities and channels have it."""

    def __init__(
        self,
        request: DeliverRequest,
        rules: Rules,
        asking: Asking,
        history: History,
        messages: list[Message],
        room: Room | None = None,
    ) -> None:
        self._history, self._asking, self._messages, self._room = history, asking, messages, room
        self._own = [each for each in messages if _is(each, request)]
        terms = Terms(asking.plan, rules, frozenset(), None, asked=asking.asked)  # type: ignore[arg-type]  # who decides triggers is asked here
        known = _known(request, asking, history, self._own, [] if self._is_exempt(terms) else messages)
        super().__init__(None, request, terms, request.at, known)  # type: ignore[arg-type]  # no question asks a database

    @staticmethod
    def _is_exempt(terms: Terms) -> bool:
        """Whether no cap concerns it, so that other messages do not matter."""
        return terms.policy.transactional(terms.plan.controls.purpose)

    def message(self, channel: str) -> Message:
        """What was decided about, by its channel."""
        return next(each for each in self._own if each.channel == channel)

    def _stop(self) -> Occurrence | None:
        return self._asking.occurred(self._asking.plan.stop, self.moment)

    def _write_stop(self, stop: Occurrence) -> None:
        """The journey itself ends by the answer."""

    def _goal_reached(self) -> bool:
        goal = self._asking.plan.goal
        return goal is not None and goal.ends and self._asking.occurred(goal.any, self.moment) is not None

    def _pause(self) -> None:
        """Who simulates a playbook wants to see what it would do: drafts and paused ones run."""

    def _may_be_tested_on(self, channel: str) -> bool:  # noqa: ARG002 - asked for any
        return True

    def _holdout(self) -> SkipReason | None:
        return self._asking.kept_out

    def _holds(self, condition: Condition) -> bool:
        return self._history.holds(condition, self.moment)

    def _places(self, channel: str) -> Given:
        if self._room is None:
            return Given(())
        wish = Wish(self.purpose, channel, self.subject["playbook"], self._recipient(), self._spread_key())
        return self._room.ask(wish, self.moment, self._held_places(), promised=self._promised())

    def _token(self, channel: str, *, must: bool = False) -> Token | Queued | None:
        limit = self._limit(channel)
        if self._room is None or limit is None:
            return None
        return self._room.token(channel, limit, self.moment, self._claim(must=must))

    def _put(
        self,
        channel: str,
        state: str,
        reason: str | None,
        *,
        at: datetime,
        until: datetime | None = None,
        attempts: int = 0,  # noqa: ARG002 - of the row only
        places: tuple[str, ...] | None = None,
    ) -> tuple[int, int]:
        request = self.request
        chosen = self.chosen or channel
        own = next((each for each in self._own if each.channel == chosen), None)
        if own is None:
            own = Message(
                request.journey,
                self.subject["playbook"],
                request.step,
                request.iteration,
                channel,
                self.purpose,
                state,
                reason,
                at,
                until,
                room=self._room,
            )
            self._messages.append(own)
            self._own.append(own)
        if places is not None and self._room is not None:
            promised, promises = self._promised(), state == "deferred"
            self._room.change(own.places, places, were_promised=promised, are_promised=promises)
            own.places = places
        if state == "skipped":
            own.skip(reason or "", at)
        own.channel, own.state, own.reason, own.at, own.until = channel, state, reason, at, until
        if state == "deferred" and reason is not None:
            own.held.setdefault(reason, at)
        return 0, 1


def _is(message: Message, request: DeliverRequest) -> bool:
    return (
        message.journey == request.journey and message.step == request.step and message.iteration == request.iteration
    )


def _known(
    request: DeliverRequest, asking: Asking, history: History, own: Sequence[Message], messages: Sequence[Message]
) -> Known:
    """What a reservation must know; `own` are the rows of this very send, `messages` those that caps may count."""
    moment = microseconds(request.at)
    facts = history.facts.rows
    suppressed = frozenset(
        str(column("suppressions", "channel", row))
        for row in facts.get("suppressions", ())
        if isinstance(row[0], int) and row[0] <= moment and _open(column("suppressions", "until", row), moment)
    )
    consents = sorted(_consents(history, asking.plan.controls.purpose, moment))
    others = [
        Other(each.purpose, each.channel, each.at, each.until, each.reason)
        for each in messages
        if ((each.state == "deferred" and waits(each.reason)) or each.state in COUNTED) and not _is(each, request)
    ]
    others += [
        Other(str(column("messages", "purpose", row)), str(column("messages", "channel", row)), instant(row[0]))
        for row in history.given("messages")
        if isinstance(row[0], int) and row[0] <= moment and column("messages", "state", row) == "sent"
    ]
    existing = [each.row for each in own]
    return Known(
        asking.subject,
        existing,
        [],
        suppressed,
        [(channel, granted) for _, _, channel, granted in consents],
        tuple(others),
    )


def _consents(history: History, purpose: str, moment: int) -> Iterator[tuple[int, bool, str, bool]]:
    """Answers to a purpose; in their order the one that counts is first."""
    for row in history.facts.rows.get("consents", ()):
        at, channel = row[0], str(column("consents", "channel", row))
        if column("consents", "purpose", row) == purpose and isinstance(at, int) and at <= moment:
            yield -at, channel == "*", channel, bool(column("consents", "granted", row))


def _open(until: object, moment: int) -> bool:
    return not isinstance(until, int) or until > moment


def states(messages: Sequence[Message], journey: int, at: int) -> Mapping[str, set[str]]:
    """What has become of each step that sends, as of an instant in microseconds."""
    found: dict[str, set[str]] = {}
    for each in messages:
        if each.journey == journey and microseconds(each.at) <= at:
            found.setdefault(each.step, set()).add(each.state)
            found[each.step] |= {kind for kind, when in each.responses.items() if when <= at}
    return found
