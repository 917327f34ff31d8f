"""Values of the sample shop as the texts of its CSV files."""

from datetime import UTC, datetime


def instant(moment: datetime | None, end: datetime | None = None) -> str:
    """An instant in UTC; nothing if it is unknown or lies at or behind the end of the data."""
    if moment is None or (end is not None and moment >= end):
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def euros(cents: int | None) -> str:
    """An amount in euros, `12.50`."""
    return "" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def word(value: object) -> str:
    """Any other value; nothing for unknown."""
    return "" if value is None else str(value)
