"""Everybody's standing in DuckDB against one judgement after the other: the shipped rules over made-up people."""

from random import Random
from types import SimpleNamespace

import pytest

from engine.attributes.fold import compile_fold
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.evaluation.columns import Columns
from engine.facts.evaluate import evaluator
from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules
from engine.query import conditions, flips, standing
from engine.query.judging import BulkJudge
from engine.query.run import connect
from engine.standing.cut_offs import CutOffs, rfm_cut_offs, tier_cut_offs
from engine.standing.decide import HandTag, Standing
from tests.docs.pages import ROOT
from tests.query.judged import Before, by_fold, in_bulk
from tests.query.loading import load
from tests.query.population import ATS, CURRENCY, DAY, population

PEOPLE = population(seed=11, size=200)


MORE = """
segments:
  never-long-ago: {title: Not known to be long ago, when: {not: {days_since_last_order: {gte: 90}}}}
  neither: {title: Neither, when: {not: {any: [{paid_orders: {gte: 2}}, {country: DE}]}}}
  nested:
    title: Of segments and tags
    when: {all: [{segments: {has_none: [neither]}}, {tags: {has_any: [unreachable, returning]}}]}
  of-ranks:
    title: Of ranks
    when: {any: [{tier: {in: [vip, supreme]}}, {rfm_group: rfm-new}, {rfm_recency: {gte: 4}}]}
  of-stages:
    title: Of stages
    when: {all: [{stage: {not_in: [lost]}}, {tier_ends_at: {unknown: true}}, {segments: {has_any: [nested]}}]}
  did-not-twice: {title: Not twice, when: {not: {did: {event: order.placed, within: 7d, times: 2}}}}
"""


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped rules, and some that ask for what those do not."""
    made = compile_rules({**read_directory(ROOT / "rules"), "segments/more.yaml": MORE})
    assert [each for each in made.issues if each.severity == "error"] == []
    return made


@pytest.fixture(scope="module")
def database(rules):
    with connect(memory="1GB", threads=1) as connection:
        load(connection, PEOPLE, otherwise=rules.policy.zone)
        yield connection


def some_cut_offs(rules: Rules) -> CutOffs:
    own = rules.standing
    numbers = [*range(0, 5000, 7)]
    return CutOffs(tier_cut_offs(numbers, own.tiers), rfm_cut_offs([*range(400)], [1, 1, 2, 3], numbers, own.rfm))


def some_before(rules: Rules, at: int, seed: int = 3) -> Before:
    random, own = Random(seed), rules.standing
    standings, tags, events = {}, {}, {}
    for each in PEOPLE:
        if random.random() < 0.7:
            standings[each.customer_id] = Standing(
                tags=frozenset(),
                stage=random.choice([None, *(stage.name for stage in own.lifecycle.stages)]),
                tier=random.choice([None, "gone", *(tier.name for tier in own.tiers.tiers)]),
                tier_ends_at=random.choice([None, None, at, at + 1, at - DAY]),
                rfm_group=random.choice([None, own.rfm.groups[0].name]),
                rfm_recency=random.choice([None, 4]),
                given={
                    tag.name: at - random.choice([0, 1, (tag.expires or 9) * 1_000_000, 400 * DAY])
                    for tag in random.sample(own.tags, 20)
                },
                at=at - random.choice([0, 1, 100 * DAY, 500 * DAY]),
            )
        if random.random() < 0.4:
            tags[each.customer_id] = [
                HandTag(random.choice(["by-hand", *(tag.name for tag in own.tags)]), at + random.choice([0, 1, -DAY]),
                        random.choice([None, at, at + 1, at + DAY]), random.choice([None, None, at, at - 1]))
                for _ in range(3)
            ]  # fmt: skip
        if random.random() < 0.6:
            events[each.customer_id] = {
                kind: [(at + random.choice([0, 1, -7 * DAY, -7 * DAY + 1, -30 * DAY, -60 * DAY, -DAY]),
                        {"category": frozenset({"shoes"})})]
                for kind in ("order.placed", "order.paid", "review.created", "site.visit")
            }  # fmt: skip
    return Before(standings, tags, events)


@pytest.mark.parametrize("at", sorted(ATS.values()), ids=sorted(ATS, key=ATS.get))
@pytest.mark.parametrize("published", [True, False], ids=["with cut-offs", "without cut-offs"])
def test_everybody_at_once_is_what_each_is_one_after_the_other(database, rules, at, published):
    cut_offs = some_cut_offs(rules) if published else None
    for before in (Before(), some_before(rules, at)):
        expected = by_fold(rules, PEOPLE, at, cut_offs, CURRENCY, before)
        found = in_bulk(database, rules, PEOPLE, at, cut_offs, CURRENCY, before)
        apart = [
            f"{customer}: {one!r} at once, {other!r} by itself"
            for customer in expected
            for one, other in zip(flat(found[customer]), flat(expected[customer]), strict=True)
            if one != other
        ]
        assert found.keys() == expected.keys()
        assert apart == []


@pytest.mark.parametrize("at", sorted(ATS.values()), ids=sorted(ATS, key=ATS.get))
def test_cut_offs_of_everybody_are_those_of_one_value_after_the_other(database, rules, at):
    own, catalogue = rules.standing, evaluator(rules.catalogue, CURRENCY, rules.words).catalogue
    bulk = BulkJudge(own, rules.catalogue, catalogue, rules.policy.zone, rules.words, flips=False)
    bulk.values(database, at, parts=3)
    values = compile_fold(rules.catalogue, currency=CURRENCY, words=rules.words)
    columns = Columns()
    for each in PEOPLE:
        found = values(each, at)
        known = Known(at, found)
        if own.tiers.base is None or holds(own.tiers.base, known, catalogue):
            put(columns.ranked, found[own.tiers.rank_by])
        if holds(own.rfm.base, known, catalogue):
            put(columns.recency, found[own.rfm.recency.attribute])
            put(columns.frequency, found[own.rfm.frequency.attribute])
            put(columns.monetary, found[own.rfm.monetary.attribute])
    assert bulk.cut_offs(database) == columns.cut_offs(own)


def holds(condition, known, catalogue):
    return compile_condition(condition, currency=catalogue.currency, types=catalogue.types)(known)


def put(column, value):
    if value is not None:
        column.append(value)


MUTATIONS = {
    "the null guard of a negation": (conditions, "is_not_true", lambda told: f"(NOT {told})"),
    "at least is more than": (conditions, "_SYMBOLS", {**conditions._SYMBOLS, "gte": ">"}),
    "the instants of days a second late": (flips, "_DAY", flips._DAY + 1_000_000),
    "the review forgotten": (standing, "Reviews", lambda *_: SimpleNamespace(around=lambda _: (0, 0))),
    "the last score forgotten": (standing, "_score", lambda measure, column: "1"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_of_the_rules_in_bulk_is_noticed(database, rules, monkeypatch, mutation):
    at, cut_offs = ATS["a month's end"], some_cut_offs(rules)
    before = some_before(rules, at)
    expected = by_fold(rules, PEOPLE, at, cut_offs, CURRENCY, before)
    monkeypatch.setattr(*MUTATIONS[mutation])
    found = in_bulk(database, rules, PEOPLE, at, cut_offs, CURRENCY, before)
    assert any(flat(found[each]) != flat(expected[each]) for each in expected)


def flat(said):
    standing, flip, stages = said
    return [
        *((name, getattr(standing, name)) for name in Standing._fields if name != "given"),
        ("given", dict(standing.given)),
        ("next flip", flip),
        ("stages", stages),
    ]
