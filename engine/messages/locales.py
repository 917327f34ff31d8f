"""Which languages to try for a customer, and which regional habits to format with."""

import re
from collections.abc import Sequence

from babel import Locale, UnknownLocaleError

_SHAPE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def normalise_locale(tag: str) -> str | None:
    """The tag as templates are named: `pt_br` gives `pt-BR`; None if it is no locale."""
    if _SHAPE.fullmatch(tag) is None:
        return None
    language, *parts = tag.replace("_", "-").split("-")
    return "-".join([language.lower(), *(_part(part) for part in parts)])


def _part(part: str) -> str:
    return part.title() if len(part) == 4 else part.upper()


def locale_chain(customer: str | None, default: str) -> tuple[str, ...]:
    """The locales to look for, best first: the customer's, its language, then the policy's default likewise.

    >>> locale_chain("pt_BR", "en")
    ('pt-BR', 'pt', 'en')
    """
    chain: list[str] = []
    for tag in (customer, default):
        normal = normalise_locale(tag) if tag else None
        chain += _shorter(normal) if normal else []
    return tuple(dict.fromkeys(chain))


def _shorter(tag: str) -> list[str]:
    parts = tag.split("-")
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]


def formatting_locale(template: str, chain: Sequence[str]) -> Locale:
    """How numbers and dates are written: the first locale of the chain in the template's language.

    A customer of `de-AT` who reads the `de` template gets Austrian amounts; one of `pt-BR` who reads the `en` template
    gets English ones, so that a message is written one way throughout.
    """
    language = template.split("-", 1)[0]
    for tag in (*(tag for tag in chain if tag.split("-", 1)[0] == language), template, language):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")
