"""What every event has, whatever its kind: who tells it, under which key, what happened when, and to whom."""

import difflib
from collections.abc import Mapping
from typing import Any

from engine.facts.event_formats import FIRST_YEAR, LAST_YEAR, parse_instant, storable, unstorable
from engine.facts.events import Event, Violation

_ENVELOPE = ("kind", "key", "at", "shop")
_OPTIONAL = ("customer", "order")
_NAMES = frozenset({*_ENVELOPE, *_OPTIONAL, "data"})
_LONGEST = 200


def read_event(told: object) -> Event | tuple[Violation, ...]:
    """An event from its JSON form, or all that is wrong with the envelope (kind, key, at, shop, customer, order)."""
    if not isinstance(told, Mapping):
        return (Violation("", type(told).__name__, "an object with kind, key, at, shop and data"),)
    wrong = [
        Violation(name, repr(told.get(name)) if name in told else "nothing", "text")
        for name in _ENVELOPE
        if not isinstance(told.get(name), str)
    ]
    wrong += [
        Violation(name, repr(told[name]), "text") for name in _OPTIONAL if not isinstance(told.get(name), str | None)
    ]
    if not isinstance(told.get("data", {}), Mapping):
        wrong.append(Violation("data", repr(told["data"])[:60], "an object"))
    wrong += _unknown_names(told)
    try:
        at = parse_instant(told["at"]) if isinstance(told.get("at"), str) else None
    except ValueError as error:
        wrong.append(Violation("at", repr(told["at"]), str(error)))
        at = None
    if wrong or at is None:
        return tuple(wrong)
    return Event(
        told["kind"], told["key"], at, told["shop"], told.get("customer"), told.get("order"), told.get("data", {})
    )


def named_key(event: Event, name: str) -> str | None:
    """A key that an event's data names; what cannot be one breaks the contract and is refused."""
    value = event.data.get(name)
    return value if isinstance(value, str) and "\x00" not in value else None


def envelope_violations(event: Event) -> tuple[Violation, ...]:
    """All that is wrong with an event apart from its data."""
    named = {name: getattr(event, name) for name in (*_ENVELOPE, *_OPTIONAL) if name != "at"}
    wrong = [
        Violation(name, repr(value)[:60], f"text of 1 to {_LONGEST} characters")
        for name, value in named.items()
        if value is not None and not 1 <= len(value) <= _LONGEST
    ]
    if not storable(named):
        expected = "text without NUL and unpaired surrogates"
        wrong += [Violation(path, repr(value), expected) for path, value in unstorable(named)]
    if event.at.tzinfo is None or not FIRST_YEAR <= event.at.year <= LAST_YEAR:
        expected = f"an instant with its zone, in a year from {FIRST_YEAR} to {LAST_YEAR}"
        wrong.append(Violation("at", repr(event.at.isoformat()), expected))
    return tuple(wrong)


def _unknown_names(told: Mapping[str, Any]) -> list[Violation]:
    if _NAMES.issuperset(told):
        return []
    known = (*_ENVELOPE, *_OPTIONAL, "data")
    unknown = sorted(str(name) for name in told if name not in known)
    hints = (difflib.get_close_matches(name, known, 1) for name in unknown)
    return [
        Violation(name, repr(name), f"only {', '.join(known)}", f"did you mean {near[0]!r}?" if near else None)
        for name, near in zip(unknown, hints, strict=True)
    ]
