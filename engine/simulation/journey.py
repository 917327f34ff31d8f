"""One journey in a world: where it stands, and what has become of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.facts.since import Occurrence, Since
from engine.journeys.inputs import Told
from engine.journeys.plan import Plan
from engine.journeys.state import State
from engine.simulation.customer import Customer
from engine.simulation.history import Event


@dataclass(slots=True)
class Call:
    """What has become of a step that calls, gives or tells something."""

    state: str
    at: datetime
    reason: str | None = None
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Task:
    """A task that a journey has opened."""

    opened_at: datetime
    closed_at: datetime | None = None


@dataclass
class Journey:
    """One run of a playbook. `row` is what the table `journeys` would say of it, for who decides a send."""

    number: int
    plan: Plan
    customer: Customer
    subject_id: int
    order: int | None
    event: Event | None
    started_at: datetime
    occasion: int
    state: State
    row: dict[str, Any] = field(default_factory=dict)
    busy: bool = False
    inbox: list[Told] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[tuple[str, int], Call] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    finished: bool = False

    def __post_init__(self) -> None:
        plan, history = self.plan, self.customer.history
        order = history.order(self.order)
        self.row = {
            "workflow_id": f"{plan.playbook}/{plan.subject}-{self.subject_id}/{self.occasion}",
            "playbook": plan.playbook,
            "subject": plan.subject,
            "subject_id": self.subject_id,
            "customer_id": self.customer.number,
            "order_id": self.order,
            "state": "running",
            "outcome": None,
            "stopped_at": None,
            "started_at": self.started_at,
            "paused_at": None,
            "started_by": None if self.event is None else self.event.kind,
            "subject_key": order.get("number") or history.person("key"),
            **self.customer.address(),
        }

    @property
    def running(self) -> bool:
        """Whether nothing has ended it; a stop counts before the journey itself has heard of it."""
        return bool(self.row["state"] == "running")

    @property
    def since(self) -> Since:
        """From when on what happens counts for it."""
        return Since(self.started_at, self.row["started_by"])

    def end(self, state: str, outcome: str) -> None:
        """Writes the end, unless there is one."""
        if self.running:
            self.row |= {"state": state, "outcome": outcome}

    def stop(self, stop: Occurrence) -> None:
        """Writes the stop, unless the journey is over already."""
        if self.running:
            self.row |= {"state": "stopped", "outcome": stop.event, "stopped_at": stop.at}

    def steps(self, step: str, at: datetime) -> frozenset[str]:
        """What has become of a step as of an instant."""
        return frozenset(self._states(step, at))

    def answers(self, at: datetime) -> dict[str, Any]:
        """What steps that called something were answered; of several rounds the latest counts."""
        known = sorted((iteration, step, each) for (step, iteration), each in self.calls.items() if each.at <= at)
        return {f"step.{step}.{name}": value for _, step, each in known for name, value in each.answer.items()}

    def _states(self, step: str, at: datetime) -> Iterator[str]:
        for message in self.messages:
            if message["step"] == step and message["at"] <= at:
                yield message["state"]
                yield from (kind for kind, when in message["responses"].items() if when <= at)
        task = self.tasks.get(step)
        if task is not None and task.closed_at is not None and task.closed_at <= at:
            yield "closed"
        rounds = [(iteration, each) for (name, iteration), each in self.calls.items() if name == step and each.at <= at]
        if rounds:
            yield max(rounds, key=lambda each: each[0])[1].state
        if (redeemed := self.customer.redeemed.get((self.number, step))) is not None and redeemed <= at:
            yield "redeemed"
