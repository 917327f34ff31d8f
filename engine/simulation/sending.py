"""One send in a world: decided by the engine's own questions, over facts and messages in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.conditions.operands import microseconds
from engine.facts.since import Occurrence
from engine.journeys.plan import Trigger
from engine.journeys.wire import DeliverRequest
from engine.messages.caps import Other, look_back, waits
from engine.messages.deciding import Deciding
from engine.messages.decision import Known, Reservation, Terms, condition_of
from engine.messages.places import Given, Place, Wish, changes_of, concerned, counts_of, find_places, since_of
from engine.messages.tokens import Bucket, Claim, Queued, Token
from engine.policy import Hold, Limit
from engine.simulation.asking import Asked, holds
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.journey import Journey
from engine.simulation.occurred import find_stop, first_occurrence

_MANY = 200
"""So many windows are kept; of more those that are over are forgotten, for nothing gives their places back."""
_COUNTED = frozenset({"reserved", "in_flight", "sent", "in_doubt"})
_HELD_PLACES = frozenset({"reserved", "sent", "deferred"})


@dataclass
class Shared:
    """What all customers share: places of capacities that are used and promised, and the channels' buckets."""

    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    written: int = 0

    def rows(self, names: Collection[str], since: datetime) -> list[tuple[Any, ...]]:
        """What is counted of these capacities, as their table has it."""
        if len(self.places) > _MANY:
            self.places = {name: each for name, each in self.places.items() if Place.parse(name).starts_at >= since}
        found = ((Place.parse(name), counts) for name, counts in self.places.items())
        return [
            (place.capacity, place.span, place.starts_at, place.rank, *counts)
            for place, counts in found
            if place.capacity in names and place.starts_at >= since and sum(counts) > 0
        ]

    def count(self, before: Collection[str], after: Collection[str], *, were: bool, are: bool) -> None:
        """Writes how a message's places change."""
        for name, (used, promised) in changes_of(before, after, were_promised=were, are_promised=are).items():
            counted = self.places.get(name, (0, 0))
            self.places[name] = (counted[0] + used, counted[1] + promised)


def decide(bench: Bench, shared: Shared, journey: Journey, request: DeliverRequest, moment: datetime) -> Reservation:
    """Decides one send as of a moment and writes down what was decided."""
    terms = Terms(journey.plan, bench.rules, frozenset(), bench.matcher)
    known = _known(bench, journey, request, moment)
    return Sending(bench, shared, journey, request, terms, moment, known).decide()


def _known(bench: Bench, journey: Journey, request: DeliverRequest, moment: datetime) -> Known:
    purpose, customer = journey.plan.controls.purpose, journey.customer
    existing = [row for row in journey.messages if _is(row, request)]
    back = timedelta(0) if bench.policy.transactional(purpose) else look_back(bench.policy)
    others = tuple(_others(customer, journey, request, moment, back)) if back else ()
    return Known(journey.row, existing, [], customer.suppressed(moment), customer.consents(purpose, moment), others)


def _is(row: Mapping[str, Any], request: DeliverRequest) -> bool:
    return bool(row["step"] == request.step and row["iteration"] == request.iteration)


def _others(
    customer: Customer, journey: Journey, request: DeliverRequest, moment: datetime, back: timedelta
) -> list[Other]:
    found = []
    for row in customer.messages:
        if row["journey"] == journey.number and _is(row, request):
            continue
        waiting = row["state"] == "deferred"
        if (waiting and waits(row["reason"])) or (row["state"] in _COUNTED and moment - back < row["at"] <= moment):
            until = row["until"] if waiting else None
            found.append(Other(row["purpose"], row["channel"], row["at"], until, row["reason"]))
    return found


class Sending(Deciding):
    """A decision over a world's facts."""

    def __init__(
        self,
        bench: Bench,
        shared: Shared,
        journey: Journey,
        request: DeliverRequest,
        terms: Terms,
        moment: datetime,
        known: Known,
    ) -> None:
        super().__init__(request, terms, moment, known)
        self._bench, self._shared, self._journey = bench, shared, journey

    def _stop(self) -> Occurrence | None:
        return find_stop(self._bench, self._journey, self.moment)

    def _write_stop(self, stop: Occurrence) -> None:
        self._journey.stop(stop)

    def _occurred(self, triggers: Sequence[Trigger]) -> bool:
        return first_occurrence(self._bench, self._journey, triggers, self.moment) is not None

    def _holds(self, hold: Hold) -> bool:
        customer = self._journey.customer
        return holds(self._bench, condition_of(hold), Asked(customer, "customer", customer.number), self.moment)

    def _find_places(self, wish: Wish, own: Collection[str], *, promised: bool) -> Given:
        capacities = concerned(self.policy, wish)
        if not capacities:
            return Given(())
        rows = self._shared.rows(list(capacities), since_of(self.moment, self.policy))
        return find_places(self.policy, capacities, counts_of(rows, own, promised=promised), wish, self.moment)

    def _take(self, channel: str, limit: Limit, claim: Claim) -> Token | Queued:
        kept = self._shared.buckets.get(channel) or Bucket.full(limit, self.moment)
        answer, self._shared.buckets[channel] = kept.filled(limit, self.moment).ask(limit, self.moment, claim)
        return answer

    def _write(self, values: Mapping[str, Any]) -> tuple[int, int]:
        held = self._held_places()
        places = held if values["places"] is None else values["places"]
        if values["state"] not in _HELD_PLACES:
            places = []
        self._shared.count(held, places, were=self._promised(), are=values["state"] == "deferred")
        row = self._row(values["channel"])
        attempts = row.get("attempts", 0) + values["attempts"]
        row |= {**values, "places": places, "attempts": attempts}
        write_fact(self._journey.customer, row)
        return row["id"], attempts

    def _row(self, channel: str) -> dict[str, Any]:
        """The send's row on a channel: one that was held back moves with it to another."""
        wanted = {channel, self.chosen or channel}
        for row in self.known.existing:
            if row["channel"] in wanted and row["state"] in ("planned", "reserved", "deferred"):
                return row
        self._shared.written += 1
        row = {"id": self._shared.written, "template": None, "responses": {}, "fact": None}
        self._journey.messages.append(row)
        self._journey.customer.messages.append(row)
        return row


def write_fact(customer: Customer, row: dict[str, Any]) -> None:
    """Writes a message's row among the customer's facts."""
    at = microseconds(row["at"])
    said = {name: row[name] for name in ("state", "reason", "channel", "purpose", "playbook", "step", "template")}
    said |= {f"{kind}_at": microseconds(when) for kind, when in row["responses"].items()}
    if row["fact"] is None:
        row["fact"] = customer.history.add("messages", at, **said)
    else:
        customer.history.change("messages", row["fact"], **{"@at": at}, **said)
