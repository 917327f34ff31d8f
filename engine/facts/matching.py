"""Whether an event is the one a trigger means: its kind, and the trigger's condition over the event's fields."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.conditions.ast import Condition
from engine.conditions.compile import RowPredicate, compile_where
from engine.conditions.types import Type, Value
from engine.contracts import comparable, values_of
from engine.facts.event_contracts import Contract
from engine.journeys.plan import CalendarTrigger, EventTrigger, Trigger

Fields = Mapping[str, Value]


@dataclass(frozen=True)
class EventMatcher:
    """Decides triggers by the contracts of events. `currency` is the reporting currency of comparisons with money."""

    contracts: Mapping[str, Contract]
    currency: str | None

    def fields(self, kind: str, data: Mapping[str, Any]) -> Fields:
        """An event's data as conditions compare it; of a kind without a contract nothing is known."""
        contract = self.contracts.get(kind)
        return comparable(values_of(contract.fields, data), self.currency) if contract else {}

    def triggered(self, triggers: Iterable[Trigger | CalendarTrigger], kind: str, fields: Callable[[], Fields]) -> bool:
        """Whether one of the triggers means this event; its fields are only asked for where a condition needs them."""
        return any(
            trigger.event == kind and (trigger.where is None or self._holds(trigger.where, kind, fields()))
            for trigger in triggers
            if isinstance(trigger, EventTrigger)
        )

    def test(self, condition: Condition, kind: str) -> RowPredicate:
        """A trigger's condition over the fields of an event of a kind, compiled."""
        contract = self.contracts.get(kind)
        types = tuple(sorted(contract.fields.items())) if contract else ()
        return _compiled(condition, self.currency, types)

    def _holds(self, condition: Condition, kind: str, fields: Fields) -> bool:
        return self.test(condition, kind)(fields)


@lru_cache(maxsize=1024)
def _compiled(condition: Condition, currency: str | None, types: tuple[tuple[str, Type], ...]) -> RowPredicate:
    return compile_where(condition, currency=currency, types=dict(types))
