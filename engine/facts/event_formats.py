"""The formats that event contracts use: money, instants, dates and zones, checked with words for an operator."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from engine.contracts import money_of

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_STORABLE = re.compile(r"[^\x00\ud800-\udfff]*")
FIRST_YEAR, LAST_YEAR = 1900, 2199
DEEPEST = 32


def check_format(
    _validator: Validator, form: str, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """The `format` keyword for jsonschema: yields one error, `expected|hint`, if the instance is not of the form."""
    if form == "money" and isinstance(instance, Mapping):
        yield from _money_errors(instance, schema)
    elif isinstance(instance, str):
        wrong = _TEXT_FORMS.get(form, _accept)(instance)
        if wrong:
            yield ValidationError(wrong)


def parse_instant(text: str) -> datetime:
    """An instant with its zone: `2025-03-01T12:30:00+01:00` or `...Z`.

    Raises:
        ValueError: another form, no zone, no such day, or a year outside 1900 to 2199.
    """
    if _INSTANT.fullmatch(text) is None:
        raise ValueError("an instant with its zone, such as 2025-03-01T12:30:00Z")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a day and a time of day that exist") from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"a year from {FIRST_YEAR} to {LAST_YEAR}")
    return instant


def storable(value: object, depth: int = 0) -> bool:
    """Whether a database can hold it: no NUL, no unpaired surrogates, no number without an end, no endless nesting.

    Asked of every event, so it does not make the paths that `unstorable` tells.
    """
    if depth > DEEPEST:
        return False
    if isinstance(value, str):
        return _STORABLE.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return all(storable(each, depth) for each in value) and all(
            storable(each, depth + 1) for each in value.values()
        )
    if isinstance(value, list | tuple):
        return all(storable(each, depth + 1) for each in value)
    return not isinstance(value, float) or isfinite(value)


def unstorable(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """What a database cannot hold, see `storable`, with the paths."""
    if depth > DEEPEST:
        yield path, f"nested more than {DEEPEST} deep"
    elif isinstance(value, str):
        if _STORABLE.fullmatch(value) is None:
            yield path, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from unstorable(name, f"{path}/{name!a}".lstrip("/"), depth)
            yield from unstorable(part, f"{path}/{name}".lstrip("/"), depth + 1)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from unstorable(part, f"{path}/{index}".lstrip("/"), depth + 1)
    elif isinstance(value, float) and not isfinite(value):
        yield path, value


def _money_errors(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    try:
        money_of(instance)
    except ValueError as error:
        finer = "finer" in str(error)
        if finer or "properties" not in schema:  # properties of the schema have told the rest, each at its place
            expected = f"an amount as text and a currency: {error}" if not finer else f"whole minor units: {error}"
            yield ValidationError(f'{expected}|such as {{"amount": "12.50", "currency": "EUR"}}')


def _wrong_instant(text: str) -> str | None:
    try:
        parse_instant(text)
    except ValueError as error:
        return str(error)
    return None


def _wrong_date(text: str) -> str | None:
    try:
        if _DATE.fullmatch(text) and FIRST_YEAR - 100 <= date.fromisoformat(text).year <= LAST_YEAR:
            return None
    except ValueError:
        pass
    return "a day that exists, such as 1980-12-31"


@lru_cache(maxsize=1024)
def _wrong_zone(text: str) -> str | None:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        return "an IANA time zone such as Europe/Berlin"
    return None


def _accept(_text: str) -> str | None:
    return None


_TEXT_FORMS: Mapping[str, Callable[[str], str | None]] = {
    "date-time": _wrong_instant,
    "date": _wrong_date,
    "zone": _wrong_zone,
}
TEXT_FORMATS: Mapping[str, Callable[[str], bool]] = {
    name: (lambda text, wrong=wrong: wrong(text) is None)  # type: ignore[misc]  # its default is of this round
    for name, wrong in _TEXT_FORMS.items()
}
"""Whether a text is of each form, for a compiled validator."""


class MoneyKeyword:
    """Whether an object is money in whole minor units, as a keyword for a compiled validator."""

    def __init__(self, _schema: object, _value: object, _path: object) -> None:
        """Takes what a validator tells of the keyword's place."""

    def validate(self, instance: object) -> None:
        """Holds one object.

        Raises:
            ValueError: it is none.
        """
        if isinstance(instance, Mapping):
            money_of(instance)
