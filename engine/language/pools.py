"""Pools of coupons: what the codes of a pool are worth knowing by, and how many a customer may have."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

from pydantic import Field

from engine.language.issues import Report
from engine.language.located import Mapping
from engine.language.model import Model
from engine.language.standing.parts import check_name, empty, holder, part_of
from engine.language.validate import mapping, validate
from engine.language.values import DurationText, Name, Text


class PoolModel(Model):
    """A pool of single-use codes. The codes themselves are imported: no rule file holds one."""

    title: Text = Field(description="What its coupons give.")
    description: Text | None = Field(default=None, description="More about it.")
    expires: DurationText | None = Field(
        default=None, description="How long a coupon is good for after it was given, unless a step says otherwise."
    )
    per_customer: int | None = Field(default=None, ge=1, description="At most so many for each customer, ever.")
    low: int = Field(
        default=0, ge=0, description="With fewer codes left `regulars status` says so; default: with none."
    )


class CouponsFile(Model):
    """A file of coupon pools."""

    coupons: dict[Name, PoolModel] = Field(description="Pools by name.")


@dataclass(frozen=True, slots=True)
class Pool:
    """A sound pool. `expires` in seconds; `low`: with fewer free codes than that somebody should add some."""

    name: str
    title: str
    expires: int | None = None
    per_customer: int | None = None
    low: int = 0


Pools = Dictionary[str, Pool | None]
"""All pools by name; None: declared, with errors."""


def compile_pools(trees: list[tuple[Mapping, Report]]) -> dict[str, Pool | None]:
    """Reads all files of pools; of two with one name the first counts."""
    pools: dict[str, Pool | None] = {}
    places: dict[str, str] = {}
    for root, report in trees:
        node = holder(root, "coupons", report, "coupon pools by name")
        if node is None or empty(node, "coupons", report):
            continue
        for entry in node:
            with part_of(report, f"coupons {entry.key}"):
                before = report.faults
                check_name(entry, report)
                inside = mapping(entry.value, report, "a pool, such as {title: 10 % off}", entry.span)
                model = validate(PoolModel, inside, report, at=entry.span) if inside else None
                if entry.key in places:
                    hint = f"it is first given in {places[entry.key]}"
                    report.error("RG309", entry.span, entry.key, "each pool once", hint)
                    continue
                places[entry.key] = f"{report.file}:{entry.span.line}"
                sound = model is not None and report.faults == before
                pools[entry.key] = _pool(entry.key, model) if sound and model is not None else None
    return pools


def _pool(name: str, model: PoolModel) -> Pool:
    expires = None if model.expires is None else model.expires.seconds
    return Pool(name, model.title, expires, model.per_customer, model.low)
