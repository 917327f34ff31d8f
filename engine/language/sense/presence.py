"""What an attribute's value tells about the rows it is taken of.

So attributes of the same rows are not mistaken for independent ones: who paid no order has no days since the last paid.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.attributes.definition import AttributeDefinition
from engine.attributes.relations import RELATIONS
from engine.conditions.types import Value

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Presence:
    """Rows of a relation for which `where` holds, within so many seconds, and how the value tells of them.

    `since`: the whole days since the latest of them, of all times.
    """

    rows: tuple[str, str]
    within: int | None
    tells: Literal["count", "exists", "none", "since"]


def presence_of(definition: AttributeDefinition) -> Presence | None:
    """What an attribute tells about its rows; None if it tells nothing that is certain."""
    name, _, field = definition.of.partition(".")
    relation = RELATIONS.get(name)
    if relation is None or relation.at is None:
        return None
    where = "" if definition.where is None else definition.where.model_dump_json()
    if definition.aggregate in ("count", "exists", "none"):
        return Presence((name, where), definition.within_seconds, definition.aggregate)
    latest = definition.aggregate == "days_since" and field == relation.instant and definition.within_seconds is None
    return Presence((name, where), None, "since") if latest else None


def marks(told: Mapping[str, Presence], operands: Mapping[str, Iterable[Value]]) -> dict[str, frozenset[int]]:
    """Numbers that tell values of a name apart because other names are about the same rows.

    A count is set against the counts of other windows and against none; days since are set against the windows. With
    the numbers of all of them marked alike, any values that a customer has together can be exchanged for those that
    stand for them without an order among them, or with a window, being lost.
    """
    counts: dict[tuple[str, str], set[int]] = {}
    windows: dict[tuple[str, str], set[int]] = {}
    for name, each in told.items():
        if each.tells == "count":
            counts.setdefault(each.rows, {0, 1}).update(value for value in operands[name] if isinstance(value, int))
        if each.within is not None:
            windows.setdefault(each.rows, set()).add(each.within // _DAY)
    return {
        name: frozenset((windows if each.tells == "since" else counts).get(each.rows, ()))
        for name, each in told.items()
    }


def possible(world: Mapping[str, Value], told: Mapping[str, Presence]) -> bool:
    """Whether one customer can have these values together, as far as their rows tell."""
    rows: dict[tuple[str, str], list[tuple[Presence, Value]]] = {}
    for name, value in world.items():
        if name in told:
            rows.setdefault(told[name].rows, []).append((told[name], value))
    return all(_agree(each) for each in rows.values() if len(each) > 1)


def _agree(values: Iterable[tuple[Presence, Value]]) -> bool:
    """Whether counts, existence and days since fit each other: a longer window has at least the rows of a shorter."""
    bounds: list[tuple[float, int, float]] = []  # window in seconds, least and most rows in it
    since: list[Value] = []
    for told, value in values:
        if told.tells == "since":
            since.append(value)
        else:
            window = float("inf") if told.within is None else told.within
            bounds.append((window, *_rows(told, value)))
    for days in since:
        bounds += _since(days, {window for window, _, _ in bounds} | {float("inf")})
    return all(least <= most for shorter, least, _ in bounds for longer, _, most in bounds if shorter <= longer)


def _rows(told: Presence, value: Value) -> tuple[int, float]:
    if told.tells == "count":
        count = value if isinstance(value, int) else 0
        return count, count
    there = value is (told.tells == "exists")
    return (1, float("inf")) if there else (0, 0)


def _since(days: Value, windows: Iterable[float]) -> list[tuple[float, int, float]]:
    """Rows in each window, from the days since the latest: exactly a whole number of days ago is out of a window."""
    if not isinstance(days, int):
        return [(window, 0, 0) for window in windows]
    inside = [(window, 1, float("inf")) for window in windows if window >= (days + 1) * _DAY]
    return inside + [(window, 0, 0) for window in windows if window <= days * _DAY]
