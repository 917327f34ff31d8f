"""What each aggregation means, said as plainly as Python allows: slow, and written without a look at the fold."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from engine.attributes.definition import AttributeDefinition
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Catalogue
from engine.conditions.trace import trace_where
from tests.attributes.strategies import CURRENCY, DAY, SECOND

_TYPES = {name: field.type for name, field in RELATIONS["orders"].fields.items()}
_HAPPENINGS = ("paid_at", "delivered_at", "cancelled_at")


def known_order(order: Mapping[str, Any], at: int, zone: str) -> dict[str, Any]:
    """An order's fields as of an instant."""
    known = {**order, "placed_at": order["@at"]}
    for name in _HAPPENINGS:
        if known[name] is not None and known[name] > at:
            known[name] = None
    if order["told_at"] > at:
        known["closed"] = None
    if order["currency"] != CURRENCY:
        known["total"] = None
    known["paid"] = known["paid_at"] is not None and order["counts"] and known["cancelled_at"] is None
    known["cancelled"] = known["cancelled_at"] is not None or known["closed"] is not None
    known["late"], known["delivery_days"] = None, None
    if known["delivered_at"] is not None:
        known["delivery_days"] = (known["delivered_at"] - known["placed_at"]) // DAY
        if known["estimated_at"] is not None:
            later = known["delivered_at"] > known["estimated_at"]
            known["late"] = later and _day(known["delivered_at"], zone) > _day(known["estimated_at"], zone)
    return known


def evaluate(  # noqa: PLR0911 -- a flat match
    definition: AttributeDefinition, orders: list[dict[str, Any]], at: int, zone: str
) -> Any:
    """The attribute's value."""
    rows = [known_order(order, at, zone) for order in orders if order["@at"] <= at]
    if definition.where is not None:
        rows = [row for row in rows if _holds(definition.where, row)]
    if definition.within_seconds is not None:
        rows = [row for row in rows if row["@at"] > at - definition.within_seconds * SECOND]
    field = definition.of.partition(".")[2]
    values = [row[field] for row in rows if row[field] is not None] if field else rows
    result = _of_values(definition, values, rows, at, zone)
    if result is not NotImplemented:
        return result
    match definition.aggregate:
        case "count":
            return len(values)
        case "exists":
            return bool(values)
        case "none":
            return not values
        case "sum":
            return None if rows and not values else sum(values)
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case "distinct":
            return _distinct(values, as_set=definition.type == "set")
        case "days_since":
            return (at - max(values)) // DAY if values else None
        case "first" | "last":
            return _endmost(rows, field, definition.by or "@at", last=definition.aggregate == "last")
    raise AssertionError(definition.aggregate)


def _of_values(  # noqa: PLR0911 -- a flat match
    definition: AttributeDefinition, values: list[Any], rows: list[Any], at: int, zone: str
) -> Any:
    """Means, shares, streaks, habits and intervals."""
    passing = [_holds(definition.that, row) for row in rows] if definition.that else []
    match definition.aggregate:
        case "mean":
            return _rounded(Fraction(sum(values), len(values)), definition) if values else None
        case "share":
            return _rounded(Fraction(passing.count(True), len(rows)), definition) if rows else None
        case "streak":
            latest = sorted(zip(rows, passing, strict=True), key=lambda each: (each[0]["@at"], each[0]["@key"]))
            return len(list(takewhile(bool, (passed for _, passed in reversed(latest)))))
        case "top":
            field = definition.of.partition(".")[2]
            met = [
                (one, row["@at"])
                for row in rows
                for one in (row[field] if isinstance(row[field], frozenset) else [row[field]] if field in row else [])
                if one is not None
            ]
            return _most_frequent(met)
        case "hour":
            return _most_frequent([(_clock(value, zone).hour, value) for value in values])
        case "weekday":
            return _most_frequent([(_clock(value, zone).isoweekday(), value) for value in values])
        case "days_since_first":
            return (at - min(values)) // DAY if values else None
        case "interval":
            *_, before, last = [None, None, *sorted(set(values))]
            return None if before is None else (last - before) // DAY
        case "median_interval":
            instants = sorted(set(values))
            pauses = [Fraction(instants[place + 1] - instants[place], DAY) for place in range(len(instants) - 1)]
            return _rounded(median(pauses), definition) if pauses else None
    return NotImplemented


def _most_frequent(met: list[tuple[Any, int]]) -> Any:
    counts = Counter(value for value, _ in met)
    most = max(counts.values(), default=0)
    latest = {value: max(at for one, at in met if one == value) for value in counts if counts[value] == most}
    return min((value for value in latest if latest[value] == max(latest.values())), default=None)


def _rounded(exact: Fraction, definition: AttributeDefinition) -> Any:
    if definition.type != "decimal":
        return round(exact)
    return Decimal(round(exact * 10**definition.scale)).scaleb(-definition.scale)


def _holds(condition: Any, row: dict[str, Any]) -> bool:
    return trace_where(condition, row, Catalogue(_TYPES, {}, CURRENCY)).verdict


def _clock(at: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))


def _distinct(values: list[Any], *, as_set: bool) -> Any:
    each = {one for value in values for one in (value if isinstance(value, frozenset) else [value])}
    return frozenset(each) if as_set else len(each)


def _endmost(rows: list[dict[str, Any]], field: str, by: str, *, last: bool) -> Any:
    usable = [row for row in rows if row[field] is not None and row[by] is not None]
    usable.sort(key=lambda row: (row[by], row["@key"]))
    return usable[-1 if last else 0][field] if usable else None


def _day(at: int, zone: str) -> datetime:
    return _clock(at, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
