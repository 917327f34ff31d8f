"""Values that stand where the database has none, made so that nobody takes them for a customer's."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.journeys.plan import Coupon, Plan
from engine.language.scope import SUBJECT_SCOPES
from engine.messages.check import sample_values

NAMES = {"given_name": "Example", "family_name": "Customer", "city": "Exampletown"}


class Watched(dict[str, Any]):
    """Values of one group that remember which of them a template has read."""

    def __init__(self, group: str, values: Mapping[str, Any], read: set[str]) -> None:
        super().__init__(values)
        self._group, self._read = group, read

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - values of any type
        value = super().__getitem__(name)
        self._read.add(f"{self._group}.{name}")
        return value


def watched(values: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The values, and the set that will have the names of those that are read."""
    read: set[str] = set()
    groups = {
        group: Watched(group, each, read) if isinstance(each, Mapping) else each for group, each in values.items()
    }
    return groups, read


def example_values(plan: Plan, at: datetime) -> dict[str, Any]:
    """Example values of everything that the playbook's messages may name, but attributes, which stay unknown.

    Args:
        plan: only groups that its subject has are given, and a coupon only where it gives one.
        at: now, from which the coupon's last day is counted.
    """
    sample = sample_values()
    scopes = SUBJECT_SCOPES[plan.subject]
    values = {group: sample[group] for group in ("customer", "shop", *scopes)}
    values["customer"] = {**values["customer"], **NAMES, "locale": None}
    values["shop"] = {**values["shop"], "name": "Example Shop"}
    for group, name in (("order", "number"), ("shipment", "shipment"), ("case", "case")):
        if group in values:
            values[group] = {**values[group], name: "EXAMPLE-1"}
    coupon = next(_coupons(plan), None)
    if coupon is not None:
        values["coupon"] = _coupon(coupon, at)
    return values


def _coupons(plan: Plan) -> Iterator[Coupon]:
    yield from (step for step in plan.code if isinstance(step, Coupon))


def _coupon(coupon: Coupon, at: datetime) -> dict[str, Any]:
    """A code that no pool has; no other value of the playbook's coupons is known before one is given."""
    seconds = coupon.given.get("expires")
    ends = None if seconds is None else at + timedelta(seconds=seconds)
    return {"code": "EXAMPLE-CODE", "pool": coupon.given["pool"], "last_day": ends}
