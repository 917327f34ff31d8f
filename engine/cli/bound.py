"""What one customer can get at most, as `regulars check` tells it: a line for each cap or purpose, or all of it."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from engine.journeys.bound import LONGEST
from engine.messages.bound import Bound, Share

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_BY = {"once_per": "by once_per", "calendar": "by the calendar", "campaign": "", "each": ""}


def bounds_text(found: Sequence[Bound]) -> str:
    """A line for each; nothing where nothing is sent."""
    sending = [each for each in found if each.shares]
    if not sending:
        return ""
    rows = [(_concerned(each), f"{each.messages:,}", f"in {length(each.seconds)}", _verdict(each)) for each in sending]
    lines = ["At most to one customer:", *_table(rows, right=1)]
    return "\n".join((*lines, "`regulars check --bound` tells by which steps, and what is taken for granted."))


def bounds_in_full(found: Sequence[Bound], each: int) -> str:
    """For each the playbooks and steps that it comes of, and what is taken for granted."""
    parts = []
    for bound in found:
        head = f"{_concerned(bound)}: at most {bound.messages:,} in {length(bound.seconds)}; {_verdict(bound)}"
        rows = [(str(share.total), share.playbook, _way(share)) for share in bound.shares]
        parts.append("\n".join((head, *_table(rows, right=0))))
    return "\n\n".join((*parts, _granted(each)))


def bounds_json(found: Sequence[Bound]) -> list[dict[str, Any]]:
    """The same for machines; times in seconds."""
    return [
        {
            "purposes": bound.purposes,
            "channels": bound.channels,
            "seconds": bound.seconds,
            "messages": bound.messages,
            "cap": None if bound.cap is None else {"at_most": bound.cap.at_most, "do": bound.cap.do},
            "exempt": bound.exempt,
            "shares": [
                {**asdict(share), "steps": [{"step": step, "after": after} for step, after in share.steps]}
                for share in bound.shares
            ],
        }
        for bound in found
    ]


def _table(rows: Sequence[tuple[str, ...]], right: int) -> list[str]:
    """Columns side by side; one of them, of numbers, to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return [
        "  "
        + "  ".join(
            f"{cell:{'>' if place == right else '<'}{widths[place]}}" for place, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]


def _concerned(bound: Bound) -> str:
    """Which messages are counted."""
    purposes = ", ".join(bound.purposes) or "all that ask for consent"
    return f"{purposes} by {', '.join(bound.channels)}" if bound.channels else purposes


def _verdict(bound: Bound) -> str:
    """What the policy makes of it."""
    cap = bound.cap
    if cap is None:
        return "asks for no consent, so no cap concerns it" if bound.exempt else "no cap"
    if not bound.exceeds:
        return f"cap {cap.at_most}: never too much"
    return f"cap {cap.at_most}: what is more {'waits' if cap.do == 'delay' else 'is skipped'}"


def _way(share: Share) -> str:
    """The steps of one journey, or the waves, with the time after its beginning."""
    steps = [(step, after, len(list(times))) for (step, after), times in groupby(share.steps)]
    told = ", ".join(f"{step} {_after(after)}{f' ({times} times)' * (times > 1)}" for step, after, times in steps)
    told = told or f"{share.messages:,} messages in its repetitions"
    if share.journeys == 1:
        return told
    return " ".join(filter(None, (f"{share.journeys} journeys", _BY[share.by]))) + f", of each {told}"


def _after(seconds: int) -> str:
    """`+3d 4h`; `at once`."""
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit[0]}"] * (count > 0)
    return "+" + " ".join(parts) if parts else "at once"


def length(seconds: int) -> str:
    """`7 days`, in the largest unit that is whole."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def _granted(each: int) -> str:
    own = "one order, one parcel and one case" if each == 1 else f"{each} orders, {each} parcels and {each} cases"
    often = "once" if each == 1 else f"{each} times"
    return (
        f"Taken for granted: in that time {own} of the customer's;\n"
        f"each trigger of a playbook comes {often}, unless once_per or the calendar say how often;\n"
        "nothing but quiet hours and weekdays holds a message back;\n"
        f"a date that facts give is at most {length(LONGEST)} ahead. More of each: --each 2."
    )
