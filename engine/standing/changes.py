"""What changed from one standing to the next."""

from collections.abc import Iterator
from operator import attrgetter

from engine.standing.decide import Change, Standing
from engine.standing.definition import StandingRules

_NOTHING = Standing()
_named = attrgetter("stage", "tier", "rfm_group", "tags", "segments")


def changes(before: Standing | None, after: Standing, rules: StandingRules) -> tuple[Change, ...]:
    """The changes in a fixed order: stage, tier, RFM group, tags, segments, each by name; losses before gains."""
    return () if _named(before := before or _NOTHING) == _named(after) else tuple(_changes(before, after, rules))


def _changes(before: Standing, after: Standing, rules: StandingRules) -> Iterator[Change]:
    if before.stage != after.stage:
        yield Change("stage", before.stage, after.stage, unexpected=_unexpected(before.stage, after.stage, rules))
    if before.tier != after.tier:
        yield Change("tier", before.tier, after.tier, rises=_rises(before.tier, after.tier, rules))
    if before.rfm_group != after.rfm_group:
        yield Change("rfm_group", before.rfm_group, after.rfm_group)
    for kind, old, new in (("tag", before.tags, after.tags), ("segment", before.segments, after.segments)):
        if old != new:
            yield from (Change(kind, name, None) for name in sorted(old - new))
            yield from (Change(kind, None, name) for name in sorted(new - old))


def _unexpected(before: str | None, after: str | None, rules: StandingRules) -> bool:
    stages = rules.lifecycle.stages if rules.lifecycle is not None else ()
    allowed = next((stage.to for stage in stages if stage.name == before), None)
    return allowed is not None and after not in allowed


def _rises(before: str | None, after: str | None, rules: StandingRules) -> bool:
    names = [tier.name for tier in rules.tiers.tiers] if rules.tiers is not None else []
    if after not in names:
        return False
    return before not in names or names.index(after) < names.index(before)
