"""What a condition is asked in: the values, events and steps known as of an instant."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.conditions.types import Type, Value

Types = Mapping[str, Type]
Happening = tuple[int, Mapping[str, Value]]
"""An event: its instant in microseconds since the epoch, and its fields."""


class Environment(Protocol):
    """Everything a condition may ask for, as of `now`."""

    @property
    def now(self) -> int:
        """The instant, in microseconds since the epoch."""

    @property
    def attributes(self) -> Mapping[str, Value]:
        """Attributes by name, and fields of scopes by scope and name (`order.total`); a missing one is unknown."""

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind, in any order."""

    def steps(self, step: str) -> Collection[str]:
        """What has become of a step of the same journey: sent, opened, clicked."""


@dataclass(frozen=True, slots=True)
class Known:
    """An environment that holds all it knows."""

    now: int = 0
    attributes: Mapping[str, Value] = field(default_factory=dict)
    happened: Mapping[str, Sequence[Happening]] = field(default_factory=dict)
    states: Mapping[str, Collection[str]] = field(default_factory=dict)

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind."""
        return self.happened.get(kind, ())

    def steps(self, step: str) -> Collection[str]:
        """What has become of a step."""
        return self.states.get(step, ())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The types of what conditions name: attributes and scoped fields, and the fields of each kind of event.

    `currency` is the reporting currency: it picks the threshold of a comparison with money.
    """

    types: Types = field(default_factory=dict)
    events: Mapping[str, Types] = field(default_factory=dict)
    currency: str | None = None
