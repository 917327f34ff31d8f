"""Plans in words: labels that a person reads in the Temporal UI. Never personal data, only what the rules say."""

from engine.calendar.durations import Duration
from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.journeys.plan import ChangeTrigger, Trigger, When
from engine.language.issues import one_of, shorten
from engine.money import Money, exponent

_UNITS = {"s": "s", "m": "min", "h": "h", "d": "day", "w": "week", "mo": "month"}
_OPERATORS = {
    "eq": "is", "lt": "is less than", "lte": "is at most", "gt": "is more than", "gte": "is at least", "in": "is",
    "not_in": "is not", "has_any": "has", "has_all": "has all of", "has_none": "has none of", "known": "is known",
    "unknown": "is unknown",
}  # fmt: skip
_SIZES = (("week", 7 * 86400), ("day", 86400), ("h", 3600), ("min", 60), ("s", 1))
_LONGEST = 120


def duration(length: Duration) -> str:
    """`24 h`, `7 days`."""
    return _counted(length.count, _UNITS[length.unit])


def span(seconds: int) -> str:
    """A length in seconds as `3 days` or `90 min`."""
    unit, count = next((unit, seconds // each) for unit, each in _SIZES if seconds % each == 0)
    return _counted(count, unit)


def _counted(count: int, unit: str) -> str:
    plural = unit in ("day", "week", "month") and count != 1
    return f"{count} {unit}{'s' if plural else ''}"


def moment(when: When) -> str:
    """What is waited for: `until 10:00, 1 day before order.estimated_at`."""
    hours = " of working time" if when.business and when.elapses else ""
    if when.elapses:
        return f"{span(when.offset)}{hours}"
    if when.length:
        return f"the {name(when.length)} of the products"
    clock = " ".join(filter(None, [when.weekday.capitalize(), when.at]))
    offset = f"{span(abs(when.offset))} {'before' if when.offset < 0 else 'after'} " if when.offset else ""
    return f"until {', '.join(filter(None, [clock, f'{offset}{when.date}' if when.date else '']))}"


def name(text: str) -> str:
    """`second-reminder` as words."""
    return text.replace("-", " ").replace("_", " ")


def triggers(any_of: tuple[Trigger, ...]) -> str:
    """`order.paid or order.cancelled`."""
    return one_of(dict.fromkeys(map(_trigger, any_of)), 4)


def _trigger(trigger: Trigger) -> str:
    if isinstance(trigger, ChangeTrigger) and trigger.when is not None:
        return f"when {condition(trigger.when)}"
    return str(trigger)


def condition(asked: Condition) -> str:
    """A condition in words, cut to one line."""
    return shorten(_condition(asked), _LONGEST)


def _condition(asked: Condition) -> str:
    match asked:
        case Compare():
            return _compare(asked)
        case All(parts=parts):
            return " and ".join(map(_condition, parts))
        case Any(parts=parts):
            return " or ".join(map(_condition, parts))
        case Not(part=part):
            return f"not ({_condition(part)})"
        case Did(event=event, times=times):
            return f"there was {event}" + (f" {times} times" if times > 1 else "")
        case StepIs(step=step, state=state, is_=is_):
            return f"{name(step)} was {'' if is_ else 'not '}{state}"


def _compare(asked: Compare) -> str:
    verb = _OPERATORS[asked.operator]
    if asked.amounts:
        return f"{asked.name} {verb} {one_of(_amount(minor, currency) for currency, minor in asked.amounts)}"
    operands = asked.operands or (() if asked.operand is None else (asked.operand,))
    return " ".join([asked.name, verb, one_of((_operand(operand) for operand in operands), 5)]).strip()


def _operand(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _amount(minor: int, currency: str) -> str:
    whole = minor % 10 ** exponent(currency) == 0
    money = Money(minor, currency)
    return f"{money.amount.to_integral_value()} {currency}" if whole else str(money)
