"""Everybody compared at once over the mirror, against each customer judged by both versions one after the other."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings, part_of
from engine.dispatch.versions import StoredVersions
from engine.evaluation.edited import edited_parts
from engine.evaluation.run import Asked, evaluate
from engine.language.rules import Rules
from engine.mirror.open import opened_mirror
from engine.planning.compare import Comparison, Move, Side, Sides, compare
from engine.planning.cut_offs import find_cut_offs
from engine.planning.decider import Decider
from engine.planning.make import nothing
from engine.planning.reading import Person, people
from engine.standing.changes import changes
from engine.standing.decide import Change, Standing
from tests.facts.shop import utc
from tests.standing.crowds import fill
from tests.standing.shipped import shipped_standing

NOW = utc("2026-02-01T10:00")
CURRENCY = "EUR"
OWN = """
tags:
  spoke-up:
    title: Bought, and it is remembered for a while
    when: {paid_orders: {gte: 1}}
    expires: 60d
  to-be-called:
    title: Sleeps and has a tier that is worth a call
    when:
      any:
        - [{stage: [sleeping, pre-churn]}, {tier: [supreme, vip]}]
        - [{tags: spoke-up}, {rfm_group: key-value}]
"""
EDITS: Mapping[str, tuple[str, str, str]] = {
    "a stage ends sooner": ("lifecycle.yaml", "365", "300"),
    "a tag lasts shorter": ("tags/own.yaml", "expires: 60d", "expires: 20d"),
    "a tag asks for more": ("tags/own.yaml", "{paid_orders: {gte: 1}}", "{paid_orders: {gte: 2}}"),
    "a tier has a greater share": ("tiers.yaml", "share: 10%", "share: 20%"),
    "RFM counts another way": ("rfm.yaml", "high: {from: 2}", "high: {from: 3}"),
    "another attribute is meant": ("tags/own.yaml", "{paid_orders: {gte: 1}}", "{paid_orders_730d: {gte: 2}}"),
    "the shop moves": ("policy.yaml", "zone: Europe/Berlin", "zone: Asia/Tokyo"),
}  # fmt: skip


def rules_with(*edit: str) -> Rules:
    """The shipped rules and the tags of our own; with one text in one file replaced."""
    return shipped_standing({"tags/own.yaml": OWN}, *edit)


@pytest.fixture(scope="module")
def rules() -> Rules:
    return rules_with()


@pytest.fixture(scope="module")
def shop(module_database: str, rules: Rules) -> str:
    """People judged some weeks ago and, but for some of them, again since, with tags given by hand."""
    fill(module_database, NOW)
    for weeks in (5, 2):
        then = NOW - timedelta(weeks=weeks)
        evaluate(Asked(module_database, rules, then, then, write=True))
    with psycopg.connect(module_database) as connection:
        connection.execute("delete from standings where customer_id % 11 = 0")
        connection.execute(
            """insert into hand_tags (customer_id, tag, author, at, expires_at, recorded_at)
               select id, case id %% 2 when 0 then 'spoke-up' else 'credit-checked' end, 'Ada', %(at)s,
                      case id %% 3 when 0 then %(at)s + interval '1 day' end, %(at)s
                 from customers where id %% 7 = 0""",
            {"at": NOW - timedelta(days=3)},
        )
    return module_database


@pytest.fixture
def sides(shop: str, tmp_path: Path) -> Callable[[Rules, Rules], tuple[Sides, Comparison]]:
    """Both versions with their cut-offs, and the comparison of everybody at once."""

    def compared(old: Rules, new: Rules) -> tuple[Sides, Comparison]:
        with opened_mirror(shop, "public", tmp_path / "mirror") as mirror, psycopg.connect(shop) as connection:
            both = [Standings(each, StoredVersions({each.version: each}), CURRENCY) for each in (old, new)]
            found = find_cut_offs(mirror.duck, connection, both[0], both[1], NOW)
            asked = Sides(
                Side(old, CURRENCY, found.before), Side(new, CURRENCY, found.after), edited_parts(old, new), NOW
            )
            return asked, compare(mirror.duck, connection, asked)

    return compared


def one_by_one(url: str, asked: Sides) -> Comparison:
    """The same by judging each customer by each version."""
    found, moves = Comparison(before=Counter(), after=Counter()), defaultdict(list)
    with psycopg.connect(url) as connection:
        ids = [number for (number,) in connection.execute("select id from customers order by id")]
        old, new = (dict(judged(connection, ids, side, asked.parts)) for side in (asked.old, asked.new))
    for number in ids:
        found.customers += 1
        found.before.update(held(old[number], asked.parts))
        found.after.update(held(new[number], asked.parts))
        every = changes(old[number], new[number], asked.new.rules.standing)
        moved = [each for each in every if part_of(each) in asked.parts]
        found.changing += bool(moved)
        for each in moved:
            moves[Move(each.kind, each.before, each.after, each.rises)].append(number)
    found.moves = dict(moves)
    return found


def judged(connection, ids: list[int], side: Side, parts: frozenset[str]) -> Iterator[tuple[int, Standing]]:
    decider = Decider(side.rules, parts, side.currency, side.cut_offs)
    for one in people(connection, ids, (decider,), decider.reads):
        yield one.facts.customer_id, standing(decider, one)


def standing(decider: Decider, one: Person) -> Standing:
    at = microseconds(NOW)
    return decider.standing(decider.values(one.facts, at), at, one.previous, one.hand_tags, one.events(decider))


def held(found: Standing, parts: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What a standing has, by kind and name, of some parts."""
    for kind in ("stage", "tier", "rfm_group"):
        name = getattr(found, kind)
        if name is not None and part_of(Change(kind, None, name)) in parts:
            yield kind, name
    yield from (("tag", name) for name in found.tags if f"tag {name}" in parts)
    yield from (("segment", name) for name in found.segments if f"segment {name}" in parts)


def told(found: Comparison) -> tuple[object, ...]:
    moves = {move: list(ids) for move, ids in found.moves.items()}
    return found.customers, found.changing, +found.before, +found.after, moves


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_everybody_at_once_moves_as_each_one_does(shop: str, sides, rules: Rules, edit: tuple[str, str, str]) -> None:
    asked, found = sides(rules, rules_with(*edit))
    assert told(found) == told(one_by_one(shop, asked))
    assert asked.parts
    assert found.changing or edit == EDITS["the shop moves"]


def test_where_nothing_was_in_force_everybody_who_is_anything_moves(shop: str, sides, rules: Rules) -> None:
    asked, found = sides(nothing(rules), rules)
    assert told(found) == told(one_by_one(shop, asked))
    by_hand = {("tag", "spoke-up"), ("tag", "credit-checked")}
    assert {*found.before} <= by_hand
    assert found.changing == found.customers > 0


def test_what_is_removed_is_left_by_all(shop: str, sides, rules: Rules) -> None:
    without = rules_with("tags/own.yaml", OWN[OWN.index("  to-be-called") :], "")
    asked, found = sides(rules, without)
    assert told(found) == told(one_by_one(shop, asked))
    left = {move.before for move in found.moves if move.after is None}
    assert "to-be-called" in left
