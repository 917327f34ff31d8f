"""The cut-offs by which each version decides: published ones, and for edited tiers or RFM those that would be."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.evaluation.everybody import Everybody
from engine.facts.standing import Published
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs
from engine.standing.pruned import only

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Of the version before, and of the one after; `fresh`: those are not published yet."""

    before: CutOffs | None
    after: CutOffs
    fresh: bool


def find_cut_offs(
    duck: duckdb.DuckDBPyConnection, connection: Connection, old: Standings, new: Standings, at: datetime
) -> Found:
    """The cut-offs of both versions; those of a tier or RFM that was not edited stay as they are.

    Args:
        duck: the open mirror's connection, over which new ones are computed.
        connection: to the published ones.
        old: the version before.
        new: the version after.
        at: as of when.
    """
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
    computed = _computed(duck, connection, needed, new.currency, at)
    kept = before.values if before is not None else CutOffs()
    tiers = kept.tiers if kept_tiers else computed.tiers
    return Found(_values(before), CutOffs(tiers, kept.rfm if kept_rfm else computed.rfm), fresh=True)


def _computed(
    duck: duckdb.DuckDBPyConnection, connection: Connection, rules: Rules, currency: str | None, at: datetime
) -> CutOffs:
    if rules.standing.tiers is None and rules.standing.rfm is None:
        return CutOffs()
    ranked = only(rules.standing, "tier", "rfm")
    everybody = Everybody(duck, connection, rules, currency, microseconds(at), only=ranked, flips=False)
    everybody.read()
    return everybody.cut_offs()


def _same(old: Standings, new: Standings, part: str) -> bool:
    return old.digests.get(part) == new.digests.get(part)


def _values(published: Published | None) -> CutOffs | None:
    return None if published is None else published.values


def standings(rules: Rules, currency: str | None) -> Standings:
    """The rules of standing of one version alone."""
    return Standings(rules, StoredVersions({rules.version: rules}), currency)
