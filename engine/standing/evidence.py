"""What decided a change of standing: the values that its rule reads, as they are kept in the history."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from engine.conditions.ast import Compare, compares
from engine.conditions.operands import instant
from engine.conditions.types import Type, Value
from engine.standing.decide import Change, Standing
from engine.standing.definition import StandingRules
from engine.standing.order import conditions

Told = bool | int | str | list[str] | None


class Evidence:
    """Says for a change the values of all that its rule compares; of tags and segments those that it names.

    Args:
        rules: the rules of standing.
        types: of attributes.
    """

    def __init__(self, rules: StandingRules, types: Mapping[str, Type]) -> None:
        self._types = types
        self._named = named_values(rules)

    def __call__(self, change: Change, values: Mapping[str, Value], standing: Standing) -> dict[str, Told]:
        """Names and values, ready for JSON: money in minor units, instants and dates in ISO 8601, decimals as text."""
        named = self._named.get(_part(change), {})
        return {name: self._told(name, _value(name, values, standing), named[name]) for name in sorted(named)}

    def _told(self, name: str, value: Value, operands: set[str]) -> Told:
        match value:
            case frozenset():
                return sorted(value & operands)
            case Decimal():
                return f"{value:f}"
            case date():
                return value.isoformat()
            case int() if self._types.get(name) == "instant":
                return instant(value).isoformat()
            case _:
                return value


def named_values(rules: StandingRules) -> dict[str, dict[str, set[str]]]:
    """The names that each part's rule compares or ranks by, each with the texts it is compared with."""
    named = {
        part: _operands(test for when in whens for test in compares(when)) for part, whens in conditions(rules).items()
    }
    if rules.tiers is not None:
        named["tier"].setdefault(rules.tiers.rank_by, set())
    if rules.rfm is not None:
        for measure in (rules.rfm.recency, rules.rfm.frequency, rules.rfm.monetary):
            named["rfm"].setdefault(measure.attribute, set())
    return named


def _part(change: Change) -> str:
    match change.kind:
        case "tag" | "segment":
            return f"{change.kind} {change.after or change.before}"
        case "rfm_group":
            return "rfm"
        case kind:
            return kind


def _operands(tests: Iterable[Compare]) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for test in tests:
        named.setdefault(test.name, set()).update(each for each in test.operands if isinstance(each, str))
    return named


def _value(name: str, values: Mapping[str, Value], standing: Standing) -> Value:
    found: Value = values[name] if name in values else getattr(standing, name, None)
    return found
