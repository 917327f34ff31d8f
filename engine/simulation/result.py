"""What a backtest tells: counted customer by customer, added up over all of them, so that it stays small."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from engine.calendar.local import zone as find_zone
from engine.conditions.operands import microseconds
from engine.messages.caps import concerns
from engine.messages.holdout import kept_out
from engine.policy import Policy
from engine.simulation.changed import Changes
from engine.simulation.history import column
from engine.simulation.journey import Journey
from engine.simulation.responses import count_assumed, is_assumed, reached_as_assumed
from engine.simulation.send import Message
from engine.simulation.world import World

MOST_TOUCHED = 20
RECENT = timedelta(days=7)
"""Who paid an order so shortly before a message has bought anyway."""
EVERYBODY_ELSE = "everybody else"
FLOWING = ("stage", "tier")
_MICRO = 1_000_000


class Sent(NamedTuple):
    """Messages that ended alike: in a week (its Monday, by the policy's zone), with a state and a reason."""

    playbook: str
    step: str
    channel: str
    week: str
    state: str
    reason: str


class Load(NamedTuple):
    """Messages that left in one hour (of UTC) or one day (of the policy's zone), of a channel or a capacity."""

    of: str
    name: str
    span: str
    start: str


@dataclass
class Result:
    """What came of it.

    Attributes:
        customers: how many were simulated.
        gone: how many were deleted while it ran.
        journeys: by playbook, how they ended (`open`: not at all), and the outcome.
        messages: how many ended alike.
        written: by playbook and week, how many customers got something; "" for all of either.
        steps: by playbook and step that does something: journeys that came to it.
        times: by playbook and step: how many customers got its message so many times.
        recent: by playbook: messages sent to somebody who had paid an order in the `RECENT` days before.
        held_back: by playbook and by another one, whose messages had filled the cap that held its message back.
        load: how many left in an hour or a day.
        hours: by channel, weekday (1 is Monday) and hour of the policy's zone: messages sent.
        goals: by playbook, who (EVERYBODY_ELSE, holdout or global_holdout) and what: `journeys`, `reached`, `not_over`
            (the goal's time was not over at the end), `orders`, `revenue` (minor units of the reporting currency) and
            `unpriced` (orders without an amount in it), and `assumed` (reached by assumed orders alone).
        given: by playbook, kind and step: coupons, tasks, points, tags.
        coupons: by playbook and pool: how many were given.
        flows: by kind of standing, from and to: how many changes.
        standing: by kind, `begin` or `end`, and name: how many customers.
        languages: by template and the customer's locale: messages sent.
        touched: customers, by our number, with the most messages.
        assumed: what assumed responses have done, as `count_assumed` tells.
        before: the other version of the rules, where two are compared.
        changes: what differs between them.
    """

    customers: int = 0
    gone: int = 0
    journeys: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    messages: Counter[Sent] = field(default_factory=Counter)
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    times: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    recent: Counter[str] = field(default_factory=Counter)
    held_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    load: Counter[Load] = field(default_factory=Counter)
    hours: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    goals: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    given: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    coupons: Counter[tuple[str, str]] = field(default_factory=Counter)
    flows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    standing: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)
    touched: Counter[int] = field(default_factory=Counter)
    assumed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    before: "Result | None" = None
    changes: Changes | None = None

    def add(self, other: "Result") -> None:
        """Takes in what came of other customers."""
        self.customers += other.customers
        self.gone += other.gone
        for name in _ADDED:
            getattr(self, name).update(getattr(other, name))
        both = (*self.touched.items(), *other.touched.items())
        self.touched = Counter(dict(sorted(both, key=lambda each: (-each[1], each[0]))[:MOST_TOUCHED]))
        if other.before is not None:
            self.before = self.before or Result()
            self.before.add(other.before)
        if other.changes is not None:
            self.changes = self.changes or Changes()
            self.changes.add(other.changes)


_ADDED = (
    "journeys", "messages", "written", "steps", "times", "recent", "held_back", "load", "hours", "goals", "given",
    "coupons", "flows", "standing", "languages", "assumed",
)  # fmt: skip


def count(result: Result, world: World, to: datetime) -> None:
    """Adds what came of one customer.

    Args:
        result: what is added to.
        world: hers, at the window's end.
        to: the window's end.
    """
    result.customers += 1
    if world.assumed.drawn is not None:
        result.assumed.update(count_assumed(world.assumed.drawn, world.journeys, to))
    for journey in world.journeys:
        _count_journey(result, world, journey, to)
    _count_messages(result, world)
    _count_given(result, world)
    _count_standing(result, world)


# --- journeys ---------------------------------------------------------------------------------------------------------


def _count_journey(result: Result, world: World, journey: Journey, to: datetime) -> None:
    ended, playbook = journey.ended, journey.plan.playbook
    result.journeys[playbook, *(("open", "") if ended is None else (ended.state, ended.outcome))] += 1
    for step in _steps(world, journey):
        result.steps[playbook, step] += 1
    if journey.plan.goal is not None:
        key = str(world.history.person("key"))
        who = kept_out(world.rules.policy, journey.plan.controls, key, playbook) or EVERYBODY_ELSE
        for what, many in _goal(world, journey, journey.plan.goal.within, to):
            result.goals[playbook, who, what] += many


def _steps(world: World, journey: Journey) -> set[str]:
    """The steps that it came to, of those that do something."""
    messages = {each.step for each in world.messages if each.journey == journey.number}
    noted = {each.name for each in world.log if each.journey == journey.number and each.what in _NAMED_BY_STEP}
    return messages | noted | set(journey.done)


_NAMED_BY_STEP = frozenset({"send", "task", "coupon", "points", "call", "webhook", "update", "move", "start"})


def _goal(world: World, journey: Journey, within: int, to: datetime) -> Iterator[tuple[str, int]]:
    """What is counted for a journey's goal, as far as the window tells."""
    goal = journey.plan.goal
    assert goal is not None  # asked only of playbooks with one
    ends = journey.started_at + timedelta(seconds=within)
    until = min(ends, to)
    yield "journeys", 1
    yield "reached", int(journey.occurred(goal.any, until) is not None)
    yield "assumed", int(reached_as_assumed(world.assumed.drawn, journey, to))
    yield "not_over", int(ends > to)
    for total in _paid(world, microseconds(journey.started_at), microseconds(until)):
        yield "orders", 1
        yield ("unpriced", 1) if total is None else ("revenue", total)


def _paid(world: World, since: int, until: int) -> Iterator[int | None]:
    """Of each order that was really paid after one instant, up to another: its amount, if in the reporting currency."""
    for row in world.history.facts.rows.get("orders", ()):
        if is_assumed(row):
            continue
        paid = column("orders", "paid_at", row)
        cancelled = column("orders", "cancelled_at", row)
        gone = isinstance(cancelled, int) and cancelled <= until
        if isinstance(paid, int) and since < paid <= until and column("orders", "counts", row) and not gone:
            total = column("orders", "total", row)
            known = column("orders", "currency", row) == world.history.currency and isinstance(total, int)
            yield total if known else None  # type: ignore[misc]  # an integer where it is known


# --- messages ---------------------------------------------------------------------------------------------------------


def _count_messages(result: Result, world: World) -> None:
    policy = world.rules.policy
    local = find_zone(policy.zone)
    weeks: set[tuple[str, str]] = set()
    times: Counter[tuple[str, str]] = Counter()
    for message in world.messages:
        at = message.at.astimezone(local)
        week = _monday(at.date())
        reason = message.reason or ""
        own = Sent(message.playbook, message.step, message.channel, week, message.state, reason)
        result.messages[own] += 1
        for by in _filled(world, message, policy):
            result.held_back[message.playbook, by] += 1
        if message.state == "sent":
            weeks |= {(message.playbook, week), (message.playbook, ""), ("", week), ("", "")}
            times[message.playbook, message.step] += 1
            result.hours[message.channel, at.isoweekday(), at.hour] += 1
            for load in _loads(policy, message, at.date()):
                result.load[load] += 1
            since = microseconds(message.at)
            before = since - int(RECENT.total_seconds()) * _MICRO
            result.recent[message.playbook] += any(True for _ in _paid(world, before, since))
    result.written.update(weeks)
    result.times.update((*step, many) for step, many in times.items())
    if sent := sum(times.values()):
        result.touched[world.history.facts.customer_id] = sent


@lru_cache(maxsize=4096)
def _monday(day: date) -> str:
    """The Monday of a day's week."""
    return (day - timedelta(days=day.weekday())).isoformat()


def _loads(policy: Policy, message: Message, day: date) -> Iterator[Load]:
    hour = f"{message.at.astimezone(UTC).isoformat()[:13]}:00Z"
    named = [("channel", message.channel)]
    for name, capacity in policy.capacities.items():
        if capacity.concerns(message.purpose, message.channel, message.playbook):
            named.append(("capacity", name))
    for of, name in named:
        yield Load(of, name, "hour", hour)
        yield Load(of, name, "day", day.isoformat())


def _filled(world: World, message: Message, policy: Policy) -> set[str]:
    """Other playbooks whose messages had filled the cap that held this message back, or lost it its place."""
    at = message.held.get("cap_reached", message.at if message.reason == "cap_reached" else None)
    if at is None:
        return set()
    found: set[str] = set()
    for cap in policy.caps:
        if concerns(cap, message.purpose, message.channel):
            found |= {
                each.playbook
                for each in world.messages
                if each.state == "sent"
                and not policy.transactional(each.purpose)
                and concerns(cap, each.purpose, each.channel)
                and at - timedelta(seconds=cap.per) < each.at <= at
            }
    return found - {message.playbook}


# --- the rest ---------------------------------------------------------------------------------------------------------


def _count_given(result: Result, world: World) -> None:
    locale = str(world.history.person("locale") or "")
    for entry in world.log:
        if entry.state != "done":
            continue
        if entry.what in ("coupon", "task", "tag", "points"):
            many = entry.more.get("amount", 1) if entry.what == "points" else 1
            result.given[entry.playbook, entry.what, entry.name] += many if isinstance(many, int) else 1
        if entry.what == "coupon":
            result.coupons[entry.playbook, str(entry.more.get("pool", ""))] += 1
        if entry.what == "send" and "template" in entry.more:
            result.languages[str(entry.more["template"]), locale] += 1


def _count_standing(result: Result, world: World) -> None:
    for kind in FLOWING:
        changes = [change for _, change in world.changes if change.kind == kind]
        result.flows.update((kind, each.before or "", each.after or "") for each in changes)
        ends = getattr(world.history.standing, kind)
        begins = changes[0].before if changes else ends
        if begins is not None or ends is not None:
            result.standing[kind, "begin", begins or ""] += 1
            result.standing[kind, "end", ends or ""] += 1


def totals(result: Result) -> Mapping[tuple[str, str], Counter[str]]:
    """By playbook and step: how many messages are in each state."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for sent, many in result.messages.items():
        found.setdefault((sent.playbook, sent.step), Counter())[sent.state] += many
    return found


def sent_by(result: Result, *names: str) -> Counter[tuple[str, ...]]:
    """How many messages were sent, by fields of `Sent`."""
    found: Counter[tuple[str, ...]] = Counter()
    for sent, many in result.messages.items():
        if sent.state == "sent":
            found[tuple(str(getattr(sent, name)) for name in names)] += many
    return found
