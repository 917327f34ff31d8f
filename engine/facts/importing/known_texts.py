"""Texts with a meaning the engine relies on: addresses, numbers, zones, languages, countries, currencies.

One that cannot be used is left unknown and said so: a customer with a mistyped zone is a customer all the same. A
currency alone decides what an amount is, so a wrong one refuses its row.
"""

import functools
import re
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from engine.facts.importing.refusals import CellError
from engine.facts.intake.contact import fold_email, international_phone
from engine.language.values import Locale, currencies, zones

Check = Callable[[str, str | None], str]
"""A text and the shop's country to the text as it is kept."""

_COUNTRY = re.compile(r"[A-Z]{2}")


def check_of(table: str, field: str) -> Check | None:
    """What is done with the texts of a field; None if any text will do."""
    return _CHECKS.get(field) if table == "customers" or field == "currency" else None


def _email(text: str, _country: str | None) -> str:
    return _usable(fold_email(text), text, "an address")


def _phone(text: str, country: str | None) -> str:
    return _usable(international_phone(text, country), text, "a number that can be called from abroad")


def _zone(text: str, _country: str | None) -> str:
    return _usable(text if text in zones() else None, text, "a time zone such as Europe/Berlin")


def _locale(text: str, _country: str | None) -> str:
    return _usable(_read_locale(text), text, "a language such as en or pt-BR")


def _country(text: str, _shop: str | None) -> str:
    return _usable(text if _COUNTRY.fullmatch(text) else None, text, "a country of two letters such as DE")


def _currency(text: str, _country: str | None) -> str:
    if text not in currencies():
        raise CellError("not-allowed", f"{text!r} is not a currency such as EUR")
    return text


_CHECKS: dict[str, Check] = {
    "email": _email,
    "phone": _phone,
    "zone": _zone,
    "locale": _locale,
    "country": _country,
    "currency": _currency,
}


@functools.cache
def _locales() -> TypeAdapter[str]:
    return TypeAdapter(Locale)


def _read_locale(text: str) -> str | None:
    try:
        return _locales().validate_python(text)
    except ValidationError:
        return None


def _usable(kept: str | None, text: str, what: str) -> str:
    if kept is None:
        raise CellError("not-usable", f"{text!r} is not {what}", loses_row=False)
    return kept
