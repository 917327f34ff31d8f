"""Makes a plan: what edited rules would change, from two versions and the facts; nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg

from engine.dispatch.versions import StoredVersions
from engine.edits.planned import PlannedEdit
from engine.evaluation.edited import edited_parts
from engine.evaluation.processes import Progress
from engine.facts.currency import reporting_currency
from engine.facts.pool import connect
from engine.language.rules import Rules, is_test
from engine.mirror.open import Mirror
from engine.planning.compare import Comparison, Side, Sides, compare
from engine.planning.cut_offs import Found, find_cut_offs, standings
from engine.planning.edits import edits
from engine.planning.examples import Examples
from engine.planning.groups import groups
from engine.planning.policy_words import policy_changes
from engine.planning.report import Plan, Version
from engine.planning.spend import spend_of
from engine.planning.starts import starting
from engine.planning.under_way import Places, edits_under_way, under_way
from engine.standing.cut_offs import CutOffs
from engine.standing.definition import StandingRules

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Asked:
    """What to plan: the rules before (None: there were none) and after, with what each is called."""

    url: str
    old: Rules | None
    new: Rules
    before: Version
    after: Version
    at: datetime
    schema: str = "public"
    notes: tuple[str, ...] = ()
    places: Places = lambda _playbooks: None


@dataclass(frozen=True)
class Made:
    """A plan, and the cut-offs and edits of journeys under way that come into force with the new rules."""

    plan: Plan
    cut_offs: CutOffs
    edits: Sequence[PlannedEdit] = ()


def make_plan(asked: Asked, mirror: Mirror, progress: Progress = lambda _what, _done, _total: None) -> Made:
    """The plan.

    Args:
        asked: what to plan.
        mirror: the open mirror of the facts, over which everybody is judged by both versions.
        progress: told of what is being done.

    Raises:
        CurrencyUnclearError: shops have several currencies and a policy names none.
    """
    with connect(asked.url, asked.schema) as connection:
        sides, found = _sides(mirror, connection, asked)
        connection.commit()
        compared = compare(mirror.duck, connection, sides, progress)
        connection.commit()
        versions = StoredVersions({each.version: each for each in (asked.old, asked.new) if each is not None})
        planned, unknown = edits_under_way(connection, versions, asked.old, asked.new, asked.places)
        plan = _plan(mirror, connection, asked, sides, compared, progress)
        ways = tuple(under_way(connection, asked.new, planned))
    return Made(replace(plan, under_way=ways, notes=(*asked.notes, *unknown)), found.after, planned)


def _sides(mirror: Mirror, connection: Connection, asked: Asked) -> tuple[Sides, Found]:
    old = asked.old or nothing(asked.new)
    currencies = [reporting_currency(connection, rules.policy.currency) for rules in (old, asked.new)]
    both = [standings(rules, currency) for rules, currency in zip((old, asked.new), currencies, strict=True)]
    found = find_cut_offs(mirror.duck, connection, both[0], both[1], asked.at)
    sides = Sides(
        Side(old, currencies[0], found.before),
        Side(asked.new, currencies[1], found.after),
        edited_parts(asked.old, asked.new),
        asked.at,
    )
    return sides, found


def nothing(like: Rules) -> Rules:
    """No rules at all, with the same attributes and policy: before anything has been in force."""
    return replace(like, version="", files={}, plans={}, campaigns={}, standing=StandingRules(), hand_tags={})


def _plan(
    mirror: Mirror, connection: Connection, asked: Asked, sides: Sides, compared: Comparison, progress: Progress
) -> Plan:
    currency = sides.new.currency
    moved = {customer for ids in compared.moves.values() for customer in ids}
    spend = spend_of(mirror.duck, moved, currency, asked.at)
    examples = Examples(connection, sides, spend)
    first = asked.old is None
    return Plan(
        before=asked.before,
        after=asked.after,
        as_of=asked.at,
        customers=compared.customers,
        changing=compared.changing,
        currency=currency,
        groups=tuple(groups(sides, compared, spend, None if first else examples, progress)),
        starts=tuple(starting(connection, sides, compared, first=first)),
        edits=tuple(edits(asked.old, asked.new)),
        policy=tuple(policy_changes(asked.old.policy if asked.old else None, asked.new.policy)),
        files=files_changed(asked.old.files if asked.old else {}, asked.new.files),
    )


def files_changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """What became of each file that differs: new, removed or edited; tests of rules change nothing."""
    return dict(_files(old, new))


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    paths: Sequence[str] = sorted(old.keys() | new.keys())
    for path in paths:
        if old.get(path) != new.get(path) and not is_test(path):
            yield path, "new" if path not in old else "removed" if path not in new else "edited"
