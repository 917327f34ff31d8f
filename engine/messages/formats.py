"""Filters that write values the way the reader's language does: `{{ order.total | money }}`.

Numbers, dates and plural forms are Babel's (Unicode CLDR). A filter is given the locale and zone of one message and
refuses, in words that hold no value, what it cannot write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from engine.money import Money

_WIDTHS = ("short", "medium", "long", "full")
_PLURALS = ("zero", "one", "two", "few", "many", "other")


class FormatError(ValueError):
    """A value of the wrong kind; the text names kinds only."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"{found}; expected {expected}")
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Formats:
    """The filters of one message."""

    locale: Locale
    zone: tzinfo = UTC

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {
            "money": self.money,
            "number": self.number,
            "percent": self.percent,
            "date": self.day,
            "time": self.clock,
            "datetime": self.instant,
            "plural": self.plural,
        }

    def money(self, value: object) -> str:
        """`1234.5 EUR` is `€1,234.50` in English and `1.234,50 €` in German."""
        if not isinstance(value, Money):
            raise FormatError(kind(value), "an amount with a currency, such as order.total")
        return str(format_currency(value.amount, value.currency, locale=self.locale))

    def number(self, value: object, digits: int | None = None) -> str:
        """A number with the locale's separators, with exactly `digits` decimals if given (0 to 9)."""
        pattern = None if digits is None else "#,##0" + ("." + "0" * _digits(digits) if digits else "")
        return str(format_decimal(_number(value), format=pattern, locale=self.locale))

    def percent(self, value: object, digits: int = 0) -> str:
        """A share from 0 to 1 as `25%` or `25 %`."""
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", "#,##0." + "0" * _digits(digits))
        return str(format_percent(_number(value), format=pattern.replace("0.%", "0%"), locale=self.locale))

    def day(self, value: object, width: str = "long") -> str:
        """A day: an instant's is the one in the customer's zone."""
        day = self._local(value) if isinstance(value, datetime) else value
        if not isinstance(day, date):
            raise FormatError(kind(value), "an instant or a date")
        return str(format_date(day, format=_width(width), locale=self.locale))

    def clock(self, value: object, width: str = "short") -> str:
        """The time of day of an instant in the customer's zone."""
        return str(format_time(self._local(value), format=_width(width), locale=self.locale))

    def instant(self, value: object, width: str = "long") -> str:
        """Day and time of an instant in the customer's zone."""
        local = self._local(value)
        if width in ("long", "full"):  # their times name the zone, which reads badly in a letter
            day = format_date(local, format=_width(width), locale=self.locale)
            joint = str(self.locale.datetime_formats["medium"]).replace("'", "")
            return joint.replace("{1}", day).replace("{0}", self.clock(value))
        return str(format_datetime(local, format=_width(width), locale=self.locale))

    def plural(self, count: object, **forms: str) -> str:
        """The locale's form for a count; `#` stands for the number.

        `{{ n | plural(one="# item", other="# items") }}`
        """
        number = _number(count)
        if "other" not in forms or not set(forms) <= set(_PLURALS):
            raise FormatError(f"plural({', '.join(sorted(forms))})", f"other and any of {', '.join(_PLURALS[:-1])}")
        form = forms.get(self.locale.plural_form(number), forms["other"])
        return form.replace("#", self.number(number))

    def _local(self, value: object) -> datetime:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise FormatError(kind(value), "an instant, such as order.placed_at")
        return value.astimezone(self.zone)


def kind(value: object) -> str:
    """What a value is, without saying which: for errors."""
    if value is None:
        return "a value that is unknown for this customer"
    names = {bool: "true or false", int: "a whole number", str: "a text", list: "a list", dict: "a group of values"}
    return names.get(type(value), f"a value of type {type(value).__name__}")


def _number(value: object) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float):
        raise FormatError(kind(value), "a number")
    return Decimal(str(value)) if isinstance(value, float) else value


def _digits(digits: int) -> int:
    if not isinstance(digits, int) or not 0 <= digits <= 9:
        raise FormatError("digits out of bounds", "0 to 9")
    return digits


def _width(width: str) -> Any:  # noqa: ANN401 -- Babel asks for a Literal of its own
    if width not in _WIDTHS:
        raise FormatError("another width", f"one of {', '.join(_WIDTHS)}")
    return width
