"""A plan as JSON for machines; docs/plan.md describes it, and its names stay."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from engine.planning.report import Line, Plan

FORMAT = 1
"""Counts up when a name goes or means something else; new names may come at any time."""


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan with its totals."""
    totals = {"changes": plan.changes, "share": plan.share, "journeys": plan.journeys, "messages": plan.messages}
    told = _told(plan)
    assert isinstance(told, dict)  # it is a dataclass
    return {"format": FORMAT, **totals, **told}


def _told(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Line():
            return {"what": value.what, **_fields(value)}
        case _ if is_dataclass(value):
            return _fields(value)
        case tuple() | list():
            return [_told(each) for each in value]
        case Mapping():
            return {name: _told(each) for name, each in value.items()}
        case _:
            return value


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 -- one of the report's dataclasses
    return {each.name: _told(getattr(value, each.name)) for each in fields(value)}
