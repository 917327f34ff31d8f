"""What steps give and tell, in a world: coupons, points, moved tasks, updates, webhooks and calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.attributes.relations import RELATIONS
from engine.calendar.business import working_time
from engine.calendar.local import end_of_day
from engine.conditions.operands import instant, microseconds
from engine.facts.ledger import New, counted, ledger, reversals
from engine.journeys.commands import CallOut
from engine.simulation.answers import Answer
from engine.simulation.asking import Asked
from engine.simulation.bench import Bench
from engine.simulation.effects import POINTS_EXPIRE
from engine.simulation.history import Event
from engine.simulation.journey import Call, Journey


@dataclass(frozen=True, slots=True)
class Given:
    """A command with all values that it is given, and what the world outside answers to it."""

    command: CallOut
    values: Mapping[str, Any]
    answer: Answer

    @property
    def at(self) -> datetime:
        """As of when it is done."""
        return self.command.at

    def key(self, journey: Journey) -> str:
        """The step's key, under which it is done once."""
        return f"{journey.row['workflow_id']}/{self.command.step}/{self.command.iteration}"


@dataclass(frozen=True, slots=True)
class Done:
    """It was done. `judged`: the customer is to be judged anew; `happened`: by an event that it was told as."""

    told: Mapping[str, object] = field(default_factory=dict)
    judged: bool = False
    happened: Event | None = None
    events: tuple[Event, ...] = ()


def give(bench: Bench, journey: Journey, given: Given) -> Done | Call:
    """Does what a step says; or what has become of it instead."""
    match given.command.calling.op:
        case "coupon":
            return _coupon(journey, given)
        case "points":
            return _points(journey, given)
        case "move":
            return _move(bench, journey, given)
        case "update":
            return _update(journey, given)
        case _:
            return Done()


def _coupon(journey: Journey, given: Given) -> Done | Call:
    customer, at, values = journey.customer, given.at, given.values
    slots = RELATIONS["coupons"].slots
    had = sum(row[slots["pool"]] == values["pool"] for row in customer.history.rows["coupons"])
    if values.get("per_customer") is not None and had >= values["per_customer"]:
        return Call("failed", at, "limit_reached")
    seconds = values.get("expires")
    ends = None if seconds is None else end_of_day(at + timedelta(seconds=seconds), customer.history.facts.zone)
    redeemed = given.answer.redeemed
    redeemed = None if redeemed is None or redeemed < microseconds(at) else redeemed
    over = None if ends is None else microseconds(ends)
    said = {"pool": values["pool"], "issued_at": microseconds(at), "expires_at": over, "expired_at": over}
    customer.history.add("coupons", microseconds(at), **_stored("coupons", {**said, "redeemed_at": redeemed}))
    events: tuple[Event, ...] = ()
    if redeemed is not None:
        customer.redeemed[journey.number, given.command.step] = instant(redeemed)
        events = (customer.history.happens("coupon.redeemed", instant(redeemed), {"pool": values["pool"]}),)
    return Done({"pool": values["pool"], "until": ends}, judged=True, events=events)


def _points(journey: Journey, given: Given) -> Done | Call:
    customer, at, values, key = journey.customer, given.at, given.values, given.key(journey)
    order = Asked.by(journey).order
    if "take" in values:
        if ledger(customer.entries).balance(at) < values["take"]:
            return Call("failed", at, "not_enough_points")
        customer.write(New(key, "spend", -values["take"], at))
        return Done({"amount": -values["take"]}, judged=True)
    if "reverse" in values:
        return Done({"amount": _reversed(journey, values["reverse"], order, key, at)}, judged=True)
    currency = customer.history.order(order).get("currency")
    many = values["add"] if "add" in values else counted(values, currency if isinstance(currency, str) else None)
    if isinstance(many, str):
        return Call("failed", at, many)
    if many > 0:
        until = at + timedelta(seconds=values["expires"]) if "expires" in values else None
        available = at + timedelta(seconds=values.get("pending", 0))
        customer.write(New(key, "earn", many, at, available, until, order))
        if until is not None:
            ends = customer.history.happens(POINTS_EXPIRE, until, {})
            return Done({"amount": many, "until": until}, judged=True, events=(ends,))
    return Done({"amount": many}, judged=True)


def _reversed(journey: Journey, how: str, order: int | None, key: str, at: datetime) -> int:
    """Takes back what the order has earned and gives how many that are, as a negative number."""
    customer = journey.customer
    if order is None:
        return 0
    share = (1, 1)
    if how == "refunded":
        total = customer.history.order(order).get("total")
        share = (_refunded(journey, order, at), total if isinstance(total, int) else 0)
    found = list(reversals(customer.entries, key, order, at, share))
    for new in found:
        customer.write(new)
    return sum(new.points for new in found)


def _refunded(journey: Journey, order: int, at: datetime) -> int:
    history, slots, now = journey.customer.history, RELATIONS["returns"].slots, microseconds(at)
    currency = history.order(order).get("currency")
    return sum(
        row[slots["refund"]] or 0  # type: ignore[misc]  # money in minor units
        for row in history.rows["returns"]
        if row[slots["order_id"]] == order
        and isinstance(when := row[slots["refunded_at"]], int)
        and when <= now
        and row[slots["currency"]] == currency
    )


def _move(bench: Bench, journey: Journey, given: Given) -> Done | Call:
    at, values = given.at, given.values
    task = journey.tasks.get(values["task"])
    if task is None:
        return Call("skipped", at, "task_not_opened")
    if task.closed_at is not None and task.closed_at <= at:
        return Call("skipped", at, "task_closed")
    seconds = values.get("due")
    ends = None if seconds is None else at + timedelta(seconds=seconds)
    if seconds is not None and values.get("business"):
        ends = working_time(bench.policy).after(at, timedelta(seconds=seconds))
    return Done({"of": values["task"], "to": values["to"], "due": ends})


def _update(journey: Journey, given: Given) -> Done:
    """The change is a fact like any other: told as an event, and known from then on."""
    history, looked_up = journey.customer.history, given.command.calling.looked_up
    said = {name: value for name, value in given.values.items() if name not in looked_up or value is not None}
    history.change("customer", 0, **_stored("customer", said))
    event = history.happens("customer.updated", given.at, said)
    return Done({"set": ", ".join(f"{name} {value}" for name, value in said.items())}, judged=True, happened=event)


def _stored(relation: str, values: Mapping[str, Any]) -> dict[str, Any]:
    of = RELATIONS[relation]
    return {name: value for name, value in values.items() if name in of.columns[2:]}
