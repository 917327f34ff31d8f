"""Changes of everybody's standing as DuckDB lists them, against those of one judgement after the other."""

import json
from random import Random

import pytest

from engine.facts.evaluate import evaluator
from engine.language.files import read_directory
from engine.language.rules import compile_rules
from engine.query import changes as query_changes
from engine.query.changes import compile_changes
from engine.query.judging import BulkJudge
from engine.query.run import connect
from engine.standing.judge import Judge
from tests.docs.pages import ROOT
from tests.query.judged import Before, load_before
from tests.query.loading import load
from tests.query.population import ATS, CURRENCY
from tests.query.test_standing import MORE, PEOPLE, some_before, some_cut_offs

OF_TYPES = """
segments:
  of-instants:
    title: Instants
    when: {any: [{first_order_at: {lt: "2019-01-01T00:00:00Z"}}, {known_since: {known: true}}]}
  of-a-date: {title: A date, when: {birthday: {gte: "1980-01-01"}}}
  of-decimals: {title: Decimals, when: {any: [{return_rate: {gt: 0}}, {average_pieces: {gte: 2}}]}}
  of-sets: {title: Sets, when: {channels: {has_any: ["it's", a, "Ü"]}, return_reasons: {has_none: [mail]}}}
  of-a-review: {title: While a tier is kept, when: {tier_ends_at: {known: true}}}
"""
"""Rules over what the shipped ones compare with least."""


@pytest.fixture(scope="module")
def rules():
    more = {"segments/more.yaml": MORE, "segments/types.yaml": OF_TYPES}
    made = compile_rules({**read_directory(ROOT / "rules"), **more})
    assert [each for each in made.issues if each.severity == "error"] == []
    return made


@pytest.fixture(scope="module")
def database(rules):
    with connect(memory="1GB", threads=1) as connection:
        load(connection, PEOPLE, otherwise=rules.policy.zone)
        yield connection


def before(rules, at: int) -> Before:
    """Standings with tags and segments of before, some of rules that are no more."""
    random, own, found = Random(4), rules.standing, some_before(rules, at)
    tags, segments = (["gone", *(each.name for each in some)] for some in (own.tags, own.segments))
    standings = {
        customer: each._replace(tags=frozenset(random.sample(tags, 8)), segments=frozenset(random.sample(segments, 8)))
        for customer, each in found.standings.items()
    }
    return Before(standings, found.hand_tags, found.events)


def by_fold(rules, known: Before, at: int) -> dict[int, list[tuple]]:
    catalogue = evaluator(rules.catalogue, CURRENCY, rules.words).catalogue
    judge = Judge(rules.standing, rules.catalogue, catalogue, rules.policy.zone, rules.words)
    found = {}
    for each in PEOPLE:
        customer = each.customer_id
        judgement = judge(
            each,
            at,
            cut_offs=some_cut_offs(rules),
            previous=known.standings.get(customer),
            hand_tags=known.hand_tags.get(customer, ()),
            events=known.events.get(customer),
        )
        found[customer] = [
            (one.kind, one.before, one.after, one.rises, one.unexpected, dict(one.evidence))
            for one in judgement.changes
        ]
    return found


def in_bulk(database, rules, known: Before, at: int) -> dict[int, list[tuple]]:
    catalogue = evaluator(rules.catalogue, CURRENCY, rules.words).catalogue
    judge = BulkJudge(rules.standing, rules.catalogue, catalogue, rules.policy.zone, rules.words)
    judge.values(database, at)
    load_before(database, judge, PEOPLE, at, catalogue, known)
    sets = [
        [customer, kind, name]
        for customer, was in known.standings.items()
        for kind, names in (("tag", was.tags), ("segment", was.segments))
        for name in names
    ]
    database.execute("CREATE OR REPLACE TEMP TABLE previous_sets (customer BIGINT, kind VARCHAR, name VARCHAR)")
    if sets:
        database.executemany("INSERT INTO previous_sets VALUES (?, ?, ?)", sets)
    judge.decide(database, at, some_cut_offs(rules))
    for statement in compile_changes(rules.standing, judge.columns):
        database.execute(statement)
    found = {each.customer_id: [] for each in PEOPLE}
    listed = "SELECT customer, kind, before, after, rises, unexpected, evidence FROM changes"
    for customer, *change, evidence in database.execute(f"{listed} ORDER BY customer, place, before, after").fetchall():
        found[customer].append((*change, json.loads(evidence or "{}")))
    return found


@pytest.mark.parametrize("at", sorted(ATS.values()), ids=sorted(ATS, key=ATS.get))
@pytest.mark.parametrize("first", [True, False], ids=["for the first time", "from a standing before"])
def test_changes_of_everybody_are_those_of_each(database, rules, at, first):
    known = Before() if first else before(rules, at)
    found, expected = in_bulk(database, rules, known, at), by_fold(rules, known, at)
    assert {each: found[each] for each in expected if found[each] != expected[each]} == {}, expected
    assert any(expected.values())


MUTATIONS = {
    "losses forgotten": (query_changes, "PREVIOUS_SETS", "memberships"),
    "instants without fractions": (query_changes, "_SECOND", 1),
    "texts that no rule names": (query_changes, "_json", lambda column, kind, _: f"to_json({column})::VARCHAR"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_of_the_changes_is_noticed(database, rules, monkeypatch, mutation):
    at = ATS["a leap day's end"]
    known = before(rules, at)
    expected = by_fold(rules, known, at)
    monkeypatch.setattr(*MUTATIONS[mutation])
    assert in_bulk(database, rules, known, at) != expected
