"""Events that no row of facts tells, such as a click: `events: [{event: message.clicked, at: -2d}]`."""

from collections.abc import Mapping
from functools import cache

from engine.attributes.relations import EVENT_SOURCES
from engine.conditions.environment import Happening
from engine.conditions.types import Type
from engine.contracts import fields_of
from engine.language.files import shipped_contracts
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Mapping as Located
from engine.language.located import Node, Scalar, found
from engine.language.validate import mapping, sequence
from engine.ruletests.moments import Moments
from engine.ruletests.notation import Notation
from engine.ruletests.rows import read_repeated

Told = tuple[tuple[str, Happening], ...]


@cache
def _notations() -> Mapping[str, Notation]:
    """How each kind of event is written: its contract's fields, and when."""
    return {kind: Notation(kind, _fields(contract)) for kind, contract in shipped_contracts().items()}


def _fields(contract: Mapping[str, object]) -> dict[str, tuple[str, Type]]:
    fields: dict[str, tuple[str, Type]] = {name: (name, kind) for name, kind in fields_of(contract).items()}
    return {**fields, "at": ("@at", "instant"), "event": ("@event", "string")}


def read_events(node: Node, moments: Moments, report: Report) -> Told:
    """The events under the key `events`, each with its kind."""
    listed = sequence(node, report, "a list of events")
    return tuple(told for item in (listed.items if listed else ()) for told in _event(item, moments, report))


def _event(node: Node, moments: Moments, report: Report) -> list[tuple[str, Happening]]:
    held = mapping(node, report, "an event, such as {event: message.clicked, at: -2d}")
    kind = None if held is None else _kind(held, report)
    if held is None or kind is None:
        return []
    if held.entry("at") is None:
        report.error("RG202", held.span, "no key at", "the key at: when it happened")
        return []
    rows = read_repeated(held, _notations()[kind], moments, report)
    return [(kind, _happening({**row.values})) for row in rows]


def _kind(held: Located, report: Report) -> str | None:
    named = held.get("event")
    kind = named.text if isinstance(named, Scalar) else ""
    if named is None:
        report.error("RG202", held.span, "no key event", "the key event: the kind of event")
    elif kind in EVENT_SOURCES:
        hint = f"write a row of {EVENT_SOURCES[kind].relation}: it tells the event too"
        report.error("RG302", named.span, kind, "an event that no row of facts tells", hint)
    elif kind not in _notations():
        known = sorted(_notations().keys() - EVENT_SOURCES.keys())
        report.error("RG302", named.span, found(named), one_of(known, 12), did_you_mean(kind, known))
    else:
        return kind
    return None


def _happening(values: dict[str, object]) -> Happening:
    at = values.pop("@at")
    values.pop("@event", None)
    return (at if isinstance(at, int) else 0), values  # type: ignore[return-value]  # values of the language's types
