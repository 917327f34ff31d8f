"""Conditions and values asked of a world's facts, as of an instant: what `engine.facts.evaluate` asks a database."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.conditions.ast import Condition, names
from engine.conditions.environment import Happening
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.facts.compiled import SCOPES_OF
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.history import Event
from engine.simulation.journey import Journey
from engine.standing.decide import STANDING_TYPES, Standing


@dataclass(frozen=True, slots=True)
class Scene:
    """What a condition is asked in."""

    at: datetime
    customer: Customer
    attributes: dict[str, Value]
    journey: Journey | None

    @property
    def now(self) -> int:
        """The instant, in microseconds since the epoch."""
        return microseconds(self.at)

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind."""
        return self.customer.history.happened(kind)

    def steps(self, step: str) -> Collection[str]:
        """What has become of a step of the journey."""
        return () if self.journey is None else self.journey.steps(step, self.at)


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom and what: a customer, the subject that a question is about, and the journey that asks, if one does."""

    customer: Customer
    subject: str
    subject_id: int
    journey: Journey | None = None

    @classmethod
    def by(cls, journey: Journey) -> "Asked":
        """What a journey asks of itself."""
        return cls(journey.customer, journey.plan.subject, journey.subject_id, journey)

    @property
    def order(self) -> int | None:
        """Our number of the order, if it is about one."""
        if self.subject == "order":
            return self.subject_id
        return self.customer.history.order_of_shipment(self.subject_id) if self.subject == "shipment" else None

    @property
    def event(self) -> Event | None:
        """What started the journey."""
        return None if self.journey is None else self.journey.event


def scene(bench: Bench, asked: Asked, wanted: Iterable[str], at: datetime) -> Scene:
    """Everything that conditions over these names need."""
    wanted, now = frozenset(wanted), microseconds(at)
    history, known = asked.customer.history, bench.compiled
    standing = wanted & STANDING_TYPES.keys() - known.attributes.keys()
    bare = frozenset(name for name in wanted if "." not in name) - standing
    scopes = {name.partition(".")[0] for name in wanted - bare - standing}
    values: dict[str, Value] = dict(known.fold(bare)(history.facts, now)) if bare else {}
    decided = asked.customer.standing or Standing()
    values |= {name: getattr(decided, name) for name in standing}
    for scope in SCOPES_OF.get(asked.subject, ()):
        if scope in scopes:
            values |= history.scope(scope, asked.order if scope == "order" else asked.subject_id, now)
    if "product" in scopes:
        values |= history.products(asked.order)
    if asked.journey is not None and "step" in scopes:
        values |= asked.journey.answers(at)
    if asked.event is not None and "trigger" in scopes:
        values |= {f"trigger.{name}": value for name, value in history.fields(asked.event).items()}
    return Scene(at, asked.customer, values, asked.journey)


def holds(bench: Bench, condition: Condition, asked: Asked, at: datetime) -> bool:
    """Whether a condition holds."""
    wanted = names(condition)
    triggered = asked.event is not None and any(name.startswith("trigger.") for name in wanted)
    kind = asked.event.kind if triggered and asked.event is not None else ""
    return bench.compiled.predicate(condition, kind)(scene(bench, asked, wanted, at))


def value_of(bench: Bench, name: str, asked: Asked, at: datetime) -> Value:
    """The value of an attribute, of a part of standing, or of a field of the subject's."""
    return scene(bench, asked, {name}, at).attributes.get(name)
