"""Clauses and values in the operator's words."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from engine.calendar.local import zone as zone_of
from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.operands import instant
from engine.conditions.types import Type, Value
from engine.language.issues import one_of
from engine.money import Money

_VERBS = {
    "eq": "is", "lt": "is less than", "lte": "is at most", "gt": "is more than", "gte": "is at least",
    "in": "is one of", "not_in": "is known and none of", "has_any": "includes", "has_all": "includes all of",
    "has_none": "includes none of", "known": "is known", "unknown": "is unknown",
}  # fmt: skip
_TIMES = {"lt": "is before", "lte": "is at or before", "gt": "is after", "gte": "is at or after"}
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60
_MOST = 12
_ALWAYS = "the beginning"
"""The year 1, at which facts stand that have no instant: since always."""


class Wording:
    """Words for one customer's zone, the reporting currency and the types and units of names."""

    def __init__(
        self,
        types: Mapping[str, Type],
        units: Mapping[str, str | None],
        currency: str | None,
        zone: str,
    ) -> None:
        self.types, self.units, self.currency, self.zone = types, units, currency, zone

    def value(self, value: Value, kind: Type | None, unit: str | None = None) -> str:
        """A value: `128 days`, `230.00 BRL`, `unknown`."""
        if value is None:
            return "unknown"
        match kind, value:
            case "money", int():
                return self.money(value)
            case "instant", int():
                return self.instant(value)
            case _, bool():
                return "yes" if value else "no"
            case _, frozenset():
                return one_of(sorted(value), _MOST).replace(" or ", " and ") or "nothing"
            case _, int() | Decimal():
                return " ".join([f"{value}", *([unit_of(unit, value)] if unit else [])])
            case _, date():
                return value.isoformat()
            case _:
                return str(value)

    def named(self, name: str, value: Value) -> str:
        """The value of an attribute or of a part of standing."""
        return self.value(value, self.types.get(name), self.units.get(name))

    def met(self, asked: Compare, value: Value) -> str:
        """What a comparison found: of a set only the names that were asked for."""
        if isinstance(value, frozenset) and asked.operands:
            met = sorted(value & {str(each) for each in asked.operands})
            return one_of(met, _MOST).replace(" or ", " and ") if met else "none of it"
        return self.named(asked.name, value)

    def money(self, minor: int) -> str:
        """An amount in the reporting currency."""
        return str(Money(minor, self.currency)) if self.currency else str(minor)

    def instant(self, at: int) -> str:
        """An instant by the customer's clock: `2018-04-26 14:03:11`."""
        local = self._local(at)
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.year > 1 else _ALWAYS

    def _local(self, at: int) -> datetime:
        try:
            return instant(at).astimezone(zone_of(self.zone))
        except (OverflowError, ValueError):  # the first or last year, in a zone beyond it
            return instant(at)

    def clause(self, condition: Condition) -> str:
        """A whole condition in one line."""
        match condition:
            case Compare():
                return self._compare(condition)
            case All(parts=()):
                return "nothing is asked"
            case Any(parts=()):
                return "nobody can have this"
            case All(parts=parts):
                return " and ".join(self._inner(part) for part in parts)
            case Any(parts=parts):
                return " or ".join(self._inner(part) for part in parts)
            case Not(part=Did() as did):
                return self._did(did, "there was no")
            case Not(part=part):
                return f"not ({self.clause(part)})"
            case Did():
                return self._did(condition, "there was")
            case StepIs(step=step, state=state, is_=is_):
                return f"{step} was {'' if is_ else 'not '}{state}"

    def _inner(self, part: Condition) -> str:
        return f"({self.clause(part)})" if isinstance(part, All | Any) and len(part.parts) > 1 else self.clause(part)

    def _compare(self, asked: Compare) -> str:
        verb = self._verb(asked)
        if asked.amounts:
            amounts = [(currency, minor) for currency, minor in asked.amounts if currency == self.currency]
            told = [str(Money(minor, currency)) for currency, minor in amounts or asked.amounts]
            return f"{asked.name} {verb} {one_of(told)}"
        operands = asked.operands or (() if asked.operand is None else (asked.operand,))
        if asked.operator in ("known", "unknown"):
            known = (asked.operator == "known") is (asked.operand is not False)
            return f"{asked.name} is {'known' if known else 'unknown'}"
        unit = self.units.get(asked.name)
        told = [self._operand(each) for each in operands]
        last = operands[-1] if operands else None
        counted = [unit_of(unit, last)] if unit and isinstance(last, int) and not isinstance(last, bool) else []
        return " ".join([asked.name, verb, one_of(told, _MOST), *counted])

    def _verb(self, asked: Compare) -> str:
        if self.types.get(asked.name) in ("instant", "date") and asked.operator in _TIMES:
            return _TIMES[asked.operator]
        if asked.operator in ("in", "has_any") and len(asked.operands) == 1:
            return "is" if asked.operator == "in" else _of_several(asked.name, "includes")
        return _of_several(asked.name, _VERBS[asked.operator])

    @staticmethod
    def _operand(value: object) -> str:
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    def _did(self, did: Did, head: str) -> str:
        told = [head, did.event]
        if did.times > 1:
            told = [head.replace("there was", "there were"), f"{did.times} or more of", did.event]
        if did.where is not None:
            told += ["where", self.clause(did.where)]
        if did.within_seconds is not None:
            told += ["within", length(did.within_seconds)]
        return " ".join(told)


def _of_several(name: str, verb: str) -> str:
    """`tags include`, `category includes`."""
    return verb.replace("includes", "include") if name.endswith("s") else verb


def unit_of(unit: str | None, number: int | Decimal | None) -> str:
    """A unit beside a number: `1 day`, `2 days`."""
    if unit is None:
        return ""
    return unit[:-1] if number == 1 and unit.endswith("s") else unit


def length(seconds: int) -> str:
    """`60 days`, `4 hours`."""
    for size, unit in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds % size == 0 and seconds:
            count = seconds // size
            return f"{count} {unit_of(unit, count)}"
    return f"{seconds} {unit_of('seconds', seconds)}"
