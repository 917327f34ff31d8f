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
from engine.simulation.history import ToldEvent

Told = tuple[tuple[str, Happening], ...]


@cache
def _notations() -> Mapping[str, Notation]:
    """How each kind of event is written: its contract's fields, and when."""
    return {kind: Notation(kind, _fields(contract)) for kind, contract in shipped_contracts().items()}


def _fields(contract: Mapping[str, object]) -> dict[str, tuple[str, Type]]:
    fields: dict[str, tuple[str, Type]] = {name: (name, kind) for name, kind in fields_of(contract).items()}
    return {**fields, "at": ("@at", "instant"), "event": ("@event", "string")}


def read_told(node: Node, orders: Mapping[str, int], moments: Moments, report: Report) -> tuple[ToldEvent, ...]:
    """The events of a test of a playbook. `order` names the event's order; the only one need not be named."""
    listed = sequence(node, report, "a list of events")
    told = []
    for item in listed.items if listed else ():
        held = mapping(item, report, "an event, such as {event: shipment.delayed, at: +2d}")
        order = None if held is None else _order(held, orders, report)
        without = () if held is None else tuple(entry for entry in held if entry.key != "order")
        bare = None if held is None else Located(held.span, without)
        for kind, (at, fields) in () if bare is None else _event(bare, moments, report, of_site=True):
            told.append(ToldEvent(kind, at, fields, order))
    return tuple(told)


def _order(held: Located, orders: Mapping[str, int], report: Report) -> int | None:
    named = held.get("order")
    if named is None:
        return next(iter(orders.values())) if len(orders) == 1 else None
    number = named.text if isinstance(named, Scalar) else ""
    if number not in orders:
        report.error("RG212", named.span, found(named), one_of(sorted(orders), 12), did_you_mean(number, orders))
    return orders.get(number)


def read_events(node: Node, moments: Moments, report: Report) -> Told:
    """The events under the key `events`, each with its kind."""
    listed = sequence(node, report, "a list of events")
    return tuple(told for item in (listed.items if listed else ()) for told in _event(item, moments, report))


def _event(node: Node, moments: Moments, report: Report, *, of_site: bool = False) -> list[tuple[str, Happening]]:
    held = mapping(node, report, "an event, such as {event: message.clicked, at: -2d}")
    kind = None if held is None else _kind(held, report, of_site=of_site)
    if held is None or kind is None:
        return []
    if held.entry("at") is None:
        report.error("RG202", held.span, "no key at", "the key at: when it happened")
        return []
    rows = read_repeated(held, _notations()[kind], moments, report)
    return [(kind, _happening({**row.values})) for row in rows]


def _kind(held: Located, report: Report, *, of_site: bool) -> str | None:
    named = held.get("event")
    kind = named.text if isinstance(named, Scalar) else ""
    if named is None:
        report.error("RG202", held.span, "no key event", "the key event: the kind of event")
    elif kind in EVENT_SOURCES and not (of_site and kind.startswith("site.")):
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
