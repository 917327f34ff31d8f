"""The cut-offs by which each version decides: published ones, and for edited tiers or RFM those that would be."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg

from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.evaluation.run import Asked, Progress, cut_offs
from engine.facts.standing import Published
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Of the version before, and of the one after; `fresh`: those are not published yet."""

    before: CutOffs | None
    after: CutOffs
    fresh: bool


def find_cut_offs(
    connection: Connection,
    url: str,
    schema: str,
    old: Standings,
    new: Standings,
    at: datetime,
    progress: Progress,
) -> Found:
    """The cut-offs of both versions; those of a tier or RFM that was not edited stay as they are."""
    before, after = old.published(connection), new.published(connection)
    if after is not None:
        return Found(_values(before), after.values, fresh=False)
    kept_tiers = before is not None and _same(old, new, "tier")
    kept_rfm = before is not None and _same(old, new, "rfm")
    needed = replace(
        new.rules,
        standing=new.rules.standing.model_copy(
            update={**({"tiers": None} if kept_tiers else {}), **({"rfm": None} if kept_rfm else {})}
        ),
    )
    computed = _computed(url, schema, needed, at, progress)
    kept = before.values if before is not None else CutOffs()
    tiers = kept.tiers if kept_tiers else computed.tiers
    return Found(_values(before), CutOffs(tiers, kept.rfm if kept_rfm else computed.rfm), fresh=True)


def _computed(url: str, schema: str, rules: Rules, at: datetime, progress: Progress) -> CutOffs:
    if rules.standing.tiers is None and rules.standing.rfm is None:
        return CutOffs()
    return cut_offs(Asked(url, rules, at, at, write=False, schema=schema), progress)


def _same(old: Standings, new: Standings, part: str) -> bool:
    return old.digests.get(part) == new.digests.get(part)


def _values(published: Published | None) -> CutOffs | None:
    return None if published is None else published.values


def standings(rules: Rules, currency: str | None) -> Standings:
    """The rules of standing of one version alone."""
    return Standings(rules, StoredVersions({rules.version: rules}), currency)
