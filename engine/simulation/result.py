"""What a backtest tells: counted customer by customer, added up over all of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.calendar.local import zone as find_zone
from engine.messages.holdout import held_out
from engine.simulation.journey import Journey
from engine.simulation.world import World

MOST_TOUCHED = 20


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """Messages that ended alike: in a week (its Monday, by the policy's zone), with a state and a reason."""

    playbook: str
    step: str
    channel: str
    week: str
    state: str
    reason: str


@dataclass
class Result:
    """What came of it.

    Attributes:
        customers: how many were simulated.
        journeys: by playbook, how they ended (`open`: not at all), and the outcome.
        messages: how many ended alike.
        goals: by playbook and whether the customer was kept out: journeys, and those whose goal was reached in time.
        given: by playbook and step: coupons, tasks, points, tags.
        touched: customers with the most messages.
    """

    customers: int = 0
    journeys: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    messages: Counter[Sent] = field(default_factory=Counter)
    goals: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)
    given: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        """Takes in what came of other customers."""
        self.customers += other.customers
        self.journeys.update(other.journeys)
        self.messages.update(other.messages)
        self.goals.update(other.goals)
        self.given.update(other.given)
        self.touched = Counter(dict((self.touched + other.touched).most_common(MOST_TOUCHED)))


def count(result: Result, world: World, zone: str, to: datetime) -> None:
    """Adds what came of one customer.

    Args:
        result: what is added to.
        world: hers, at the window's end.
        zone: the policy's, for weeks.
        to: the window's end.
    """
    result.customers += 1
    customer = str(world.history.person("key"))
    for journey in world.journeys:
        ended = journey.ended
        how = ("open", "") if ended is None else (ended.state, ended.outcome)
        result.journeys[journey.plan.playbook, *how] += 1
        if journey.plan.goal is not None:
            kept_out = held_out(customer, journey.plan.controls.holdout, journey.plan.playbook)
            result.goals[journey.plan.playbook, kept_out, _reached(journey, to)] += 1
    for message in world.messages:
        day = message.at.astimezone(find_zone(zone)).date()
        week = (day - timedelta(days=day.weekday())).isoformat()
        sent = Sent(message.playbook, message.step, message.channel, week, message.state, message.reason or "")
        result.messages[sent] += 1
    for entry in world.log:
        if entry.what in ("coupon", "task", "tag", "points") and entry.state == "done":
            many = entry.more.get("amount", 1) if entry.what == "points" else 1
            result.given[entry.playbook, entry.what, entry.name] += many if isinstance(many, int) else 1
    touched = sum(message.state == "sent" for message in world.messages)
    if touched:
        result.touched[customer] = touched


def _reached(journey: Journey, to: datetime) -> bool:
    """Whether the goal was reached in its time, as far as the window tells."""
    goal = journey.plan.goal
    assert goal is not None  # asked only of playbooks with one
    until = min(journey.started_at + timedelta(seconds=goal.within), to)
    return journey.occurred(goal.any, until) is not None


def totals(result: Result) -> Mapping[tuple[str, str], Counter[str]]:
    """By playbook and step: how many messages are in each state."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for sent, many in result.messages.items():
        found.setdefault((sent.playbook, sent.step), Counter())[sent.state] += many
    return found
