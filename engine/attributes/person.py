"""What a person's date of birth says as of a day."""

from datetime import date

SIGNS = (
    ((1, 20), "capricorn"),
    ((2, 19), "aquarius"),
    ((3, 21), "pisces"),
    ((4, 20), "aries"),
    ((5, 21), "taurus"),
    ((6, 21), "gemini"),
    ((7, 23), "cancer"),
    ((8, 23), "leo"),
    ((9, 23), "virgo"),
    ((10, 23), "libra"),
    ((11, 22), "scorpio"),
    ((12, 22), "sagittarius"),
)
"""Signs of the zodiac, each with the month and day before which it ends; after the last comes the first again."""


def age(born: date | None, today: int) -> int | None:
    """Completed years as of a day given by its ordinal; unknown without a date, or before it.

    Somebody born on 29 February turns a year older on 1 March where the year has no such day.
    """
    if born is None or today < born.toordinal():
        return None
    day = date.fromordinal(today)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def zodiac(born: date | None) -> str | None:
    """The sign of the western zodiac, by the usual fixed days."""
    if born is None:
        return None
    return next((sign for until, sign in SIGNS if (born.month, born.day) < until), "capricorn")


def month(born: date | None) -> int | None:
    """The month of birth, 1 to 12."""
    return None if born is None else born.month
