"""Values as rules write them, as types for the models: durations, times of day, percentages, names, zones.

Each type reads itself from the plain value and raises a `PydanticCustomError` whose type is our issue code and whose
context holds what was expected and a hint; `engine.language.validate` gives it its place.
"""

import re
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

from babel.core import Locale as CldrLocale
from babel.core import get_global
from babel.localedata import locale_identifiers
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.calendar.durations import Duration
from engine.language.issues import closest, did_you_mean

_DURATION = r"^[0-9]{1,9}(s|m|h|d|w|mo)$"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*")
_MAX_NAME = 60
# Ten years: a longer wait is a slip of the unit, and the engine's instants must stay inside the calendar.
_LONGEST = Duration(120, "mo")
CONDITION_WORDS = frozenset({"all", "any", "not", "did", "did_not", "step"})


def refuse(code: str, expected: str, hint: str = "") -> PydanticCustomError:
    """The error of a value that is not what it should be."""
    return PydanticCustomError(code, "{expected}", {"expected": expected, "hint": hint})


def read_duration(value: object) -> Duration:
    """A positive length of time from `7d`."""
    expected = "a duration such as 30m, 4h, 7d, 2w or 24mo"
    if isinstance(value, int) and not isinstance(value, bool):
        raise refuse("RG205", expected, f"write the unit too: {value}h or {value}d?")
    try:
        duration = Duration.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse("RG205", expected, _unit_hint(value)) from None
    if duration.count <= 0:
        raise refuse("RG209", "a duration longer than nothing")
    if duration.seconds > _LONGEST.seconds:
        raise refuse("RG209", "at most ten years (120mo)", "m is minutes, mo is months")
    return duration


def _read_signed(value: object) -> int:
    sign = -1 if isinstance(value, str) and value.startswith("-") else 1
    return sign * read_duration(value.removeprefix("-") if isinstance(value, str) else value).seconds


def _unit_hint(value: object) -> str:
    """`7 days` is meant as `7d`."""
    words = re.fullmatch(r"(\d{1,9})\s*([A-Za-z]+)", value) if isinstance(value, str) else None
    if words is None:
        return ""
    count, unit = words[1], words[2].lower()
    short = "mo" if unit.startswith("mo") else unit[0]
    return f"did you mean {count}{short}?" if short in {"s", "m", "h", "d", "w", "mo"} else ""


def _read_clock(value: object) -> str:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return value
    padded = f"0{value}" if isinstance(value, str) else ""
    hint = f'did you mean "{padded}"?' if _CLOCK.fullmatch(padded) else ""
    raise refuse("RG207", "a time of day such as 08:00 or 21:30", hint)


def _read_percent(value: object) -> int:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        hint = f"write {value}%" if isinstance(value, int | Decimal) and not isinstance(value, bool) else ""
        raise refuse("RG203", "a percentage such as 10%", hint)
    points = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
    if points > 10_000:
        raise refuse("RG209", "a percentage from 0% to 100%")
    return points


def _read_name(value: object) -> str:
    return _name(value, _NAME, "a name of small letters, digits and single dashes, such as win-back")


def _read_attribute_name(value: object) -> str:
    name = _name(value, _ATTRIBUTE, "a name of small letters, digits and underscores, such as spend_24mo")
    if name in CONDITION_WORDS:
        raise refuse("RG208", "a name that is no word of the language", f"{name} has a meaning in conditions")
    return name


def _name(value: object, pattern: re.Pattern[str], expected: str) -> str:
    if isinstance(value, str) and pattern.fullmatch(value) and len(value) <= _MAX_NAME:
        return value
    if isinstance(value, str) and len(value) > _MAX_NAME:
        raise refuse("RG208", f"a name of at most {_MAX_NAME} characters")
    wanted = re.sub(r"[^a-z0-9]+", "_" if pattern is _ATTRIBUTE else "-", str(value).lower()).strip("-_")
    raise refuse("RG208", expected, f"did you mean {wanted}?" if pattern.fullmatch(wanted) else "")


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise refuse("RG203", "text", f'quote it: "{value}"' if isinstance(value, bool | int | Decimal) else "")
    if not value.strip():
        raise refuse("RG211", "text")
    if len(value) > 2000:
        raise refuse("RG209", "at most 2000 characters")
    return value


def _read_names(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise refuse("RG211", "at least one name")
    if not all(isinstance(name, str) for name in listed):
        raise refuse("RG203", "a name, or a list of names")
    if len(set(listed)) < len(listed):
        raise refuse("RG309", "each name once")
    return tuple(listed)


@cache
def zones() -> frozenset[str]:
    """The time zones of the pinned `tzdata` package."""
    return frozenset(zoneinfo.available_timezones())


def _read_zone(value: object) -> str:
    if isinstance(value, str) and value in zones():
        return value
    hint = did_you_mean(value, zones()) if isinstance(value, str) else ""
    raise refuse("RG212", "a time zone such as Europe/Berlin", hint)


@cache
def _locales() -> dict[str, str]:
    return {name.replace("_", "-").casefold(): name.replace("_", "-") for name in locale_identifiers()}


def _read_locale(value: object) -> str:
    try:
        return _locales()[value.replace("_", "-").casefold()] if isinstance(value, str) else _locales()[""]
    except KeyError:
        hint = _locale_hint(value) if isinstance(value, str) else ""
        raise refuse("RG212", "a language, or language and region, such as en or pt-BR", hint) from None


def _locale_hint(written: str) -> str:
    """`german` is meant as `de`."""
    by_name = {name.casefold(): code for code, name in CldrLocale("en").languages.items()}
    code = by_name.get(written.casefold()) or closest(written, _locales().values())
    return f"did you mean {code}?" if code else ""


@cache
def currencies() -> frozenset[str]:
    """Codes of the currencies that are, or were, in use (ISO 4217 as in Unicode's CLDR)."""
    return frozenset(get_global("all_currencies"))


def _read_currency(value: object) -> str:
    if isinstance(value, str) and value in currencies():
        return value
    hint = did_you_mean(value, currencies()) if isinstance(value, str) else ""
    raise refuse("RG212", "a currency of ISO 4217 such as EUR", hint)


def _typed(read: Callable[[object], Any], schema: dict[str, Any]) -> Any:  # noqa: ANN401 - metadata of an annotation
    return (PlainValidator(read), WithJsonSchema(schema))


_TEXT_NAMES = {"type": "string", "minLength": 1}
DurationText = Annotated[
    Duration, *_typed(read_duration, {"type": "string", "pattern": _DURATION, "examples": ["24h", "7d", "6mo"]})
]
SignedDuration = Annotated[
    int, *_typed(_read_signed, {"type": "string", "pattern": f"^-?{_DURATION[1:]}", "examples": ["-7d", "1d"]})
]
"""In seconds."""
Clock = Annotated[
    str, *_typed(_read_clock, {"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["08:00"]})
]
Percent = Annotated[int, *_typed(_read_percent, {"type": "string", "pattern": f"^{_PERCENT.pattern}$"})]
Name = Annotated[str, *_typed(_read_name, {"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": _MAX_NAME})]
AttributeName = Annotated[
    str, *_typed(_read_attribute_name, {"type": "string", "pattern": f"^{_ATTRIBUTE.pattern}$", "maxLength": _MAX_NAME})
]
Text = Annotated[str, *_typed(_read_text, {"type": "string", "minLength": 1, "maxLength": 2000})]
Names = Annotated[
    tuple[str, ...],
    *_typed(
        _read_names,
        {"anyOf": [_TEXT_NAMES, {"type": "array", "minItems": 1, "uniqueItems": True, "items": _TEXT_NAMES}]},
    ),
]
Zone = Annotated[str, *_typed(_read_zone, {"type": "string", "x-enum": "zones"})]
Locale = Annotated[str, *_typed(_read_locale, {"type": "string", "examples": ["en", "pt-BR"]})]
Currency = Annotated[str, *_typed(_read_currency, {"type": "string", "pattern": "^[A-Z]{3}$"})]


# Parts that are not read by their model but by the compiler, from the located tree, each with the name of its part of
# the JSON Schema.
ConditionPart = Annotated[object, WithJsonSchema({"x-definition": "condition"})]
StandingPart = Annotated[object, WithJsonSchema({"x-definition": "standing-condition"})]
PerPart = Annotated[
    object,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            ],
            "examples": [10, "1 EUR", ["1 EUR", "5 BRL"]],
        }
    ),
]
ThresholdPart = Annotated[
    object,
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1}], "examples": [2, "500 EUR"]}),
]
RowConditionPart = Annotated[object, WithJsonSchema({"x-definition": "row-condition"})]
WherePart = Annotated[object, WithJsonSchema({"x-definition": "where"})]
EventPart = Annotated[object, WithJsonSchema({"x-definition": "event"})]
ChangePart = Annotated[object, WithJsonSchema({"x-definition": "change"})]
RisePart = Annotated[object, WithJsonSchema({"x-definition": "rise"})]
TriggersPart = Annotated[object, WithJsonSchema({"x-definition": "triggers"})]
StartTriggersPart = Annotated[object, WithJsonSchema({"x-definition": "start-triggers"})]
StartPart = Annotated[object, WithJsonSchema({"x-definition": "start"})]
StopPart = Annotated[object, WithJsonSchema({"x-definition": "stop"})]
GoalPart = Annotated[object, WithJsonSchema({"x-definition": "goal"})]
StepsPart = Annotated[object, WithJsonSchema({"x-definition": "steps"})]
TemplatePart = Annotated[object, WithJsonSchema({"x-definition": "template"})]
InstantPart = Annotated[object, WithJsonSchema({"x-definition": "instant"})]
PlainPart = Annotated[object, WithJsonSchema({"x-definition": "plain"})]
ActivityPart = Annotated[object, WithJsonSchema({"x-definition": "activity"})]
UpdatePart = Annotated[object, WithJsonSchema({"x-definition": "update-fields"})]
CallPart = Annotated[object, WithJsonSchema({"x-definition": "call-input"})]
AttributePart = Annotated[object, WithJsonSchema({"x-definition": "attribute"})]
ValueOfPart = Annotated[object, WithJsonSchema({"x-definition": "value-of"})]
"""An attribute, or a field of the subject such as `order.total`."""
RelationPart = Annotated[object, WithJsonSchema({"x-definition": "relation"})]
FieldPart = Annotated[object, WithJsonSchema({"x-definition": "field"})]
CustomerFieldPart = Annotated[object, WithJsonSchema({"x-definition": "customer-field"})]
OrderingPart = Annotated[object, WithJsonSchema({"x-definition": "ordering"})]
