"""Instants on the command line: a date or a local time is meant in the shop's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import typer


def read_instant(text: str, zone: str, option: str) -> datetime:
    """The instant in UTC. `2018-01-08` is that day's beginning in the zone; an offset or Z is taken as written.

    Raises:
        typer.BadParameter: the text is no instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option}: found {text!r}, expected a date such as 2018-01-08 or an instant such as 2018-01-08T10:00:00Z"
        ) from None
    local = instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)
