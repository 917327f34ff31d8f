"""Public holidays by country, from the pinned package `holidays`."""

from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """Countries whose public holidays are known, by their ISO 3166 codes."""
    return frozenset(holidays.list_supported_countries(include_aliases=False))


@lru_cache(maxsize=4096)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The days on which a whole country rests, without those of its regions.

    Raises:
        NotImplementedError: the country's holidays are not known; that is how the library says so.
    """
    return frozenset(holidays.country_holidays(country, years=year))
