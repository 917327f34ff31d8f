"""Kinds of events as the language needs them: derived from their contracts and from the relations that tell them."""

from collections.abc import Mapping
from typing import Any

from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.contracts import ORDER_FIELDS, fields_of, resolve, subject_of
from engine.language.attributes import row_names
from engine.language.scope import Names, Typed
from engine.language.triggers import Events


def events_of(contracts: Mapping[str, Mapping[str, Any]]) -> Events:
    """What rules may say about each kind of event.

    A trigger's `where` is asked of the event as told; a `did` is asked of facts, where the row of the relation that
    tells the event adds its fields.

    Raises:
        ValueError: a contract names a subject that does not exist.
    """
    told = {kind: _told(contract) for kind, contract in contracts.items()}
    return Events(
        fields=told,
        history={kind: _history(kind, told[kind]) for kind in told},
        subjects={kind: subject_of(contract) for kind, contract in contracts.items()},
        titles={kind: _title(contract) or kind for kind, contract in contracts.items()},
    )


def _told(contract: Mapping[str, Any]) -> Names:
    titles = {name: _title(resolve(contract, part)) for name, part in contract.get("properties", {}).items()}
    of_order = {name: RELATIONS["orders"].fields[name].title for name in ORDER_FIELDS}
    return {name: Typed(kind, titles.get(name) or of_order.get(name, "")) for name, kind in fields_of(contract).items()}


def _title(part: Mapping[str, Any]) -> str:
    """Title and description of a contract or of one of its fields, as editors show them."""
    return ". ".join(text.rstrip(".") for text in (part.get("title"), part.get("description")) if text)


def _history(kind: str, told: Names) -> Names:
    source = EVENT_SOURCES.get(kind)
    return told if source is None else {**told, **row_names(RELATIONS[source.relation])}
