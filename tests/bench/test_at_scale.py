"""The rivals of the bench at scale find what the fold finds, and their facts are the same wherever they are made."""

import json
from dataclasses import replace

import pytest

from bench.at_scale import compiled, duckdb_by_hand, fold, pandas_by_hand
from bench.at_scale.fold import rules
from bench.at_scale.lines import ASKED_AT, Size, facts
from bench.at_scale.rules import RULES, fifty_rules

SIZE = Size(300, 3_000)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield facts(SIZE)


@pytest.fixture(scope="module")
def folded(directory):
    return fold.result(directory, ASKED_AT)


@pytest.fixture
def by_hand(directory, tmp_path):
    connection = duckdb_by_hand.connect(tmp_path)
    duckdb_by_hand.evaluate(connection, directory, ASKED_AT)
    return connection


def test_there_are_sixty_attributes_and_fifty_rules():
    loaded = rules()
    assert len(loaded.catalogue) == 60
    assert len(loaded.standing.tags) + len(loaded.standing.segments) == 50
    assert [*duckdb_by_hand.TAGS, *duckdb_by_hand.SEGMENTS] == [
        each.name for each in (*loaded.standing.tags, *loaded.standing.segments)
    ]


def test_the_rules_of_events_and_of_bulk_are_sound_beside_the_shipped_attributes():
    assert len(fifty_rules().standing.segments) == RULES


def test_duckdb_by_hand_finds_what_the_fold_finds(folded, by_hand):
    assert folded.differences(duckdb_by_hand.result(by_hand)) == []
    assert len(folded.members) > SIZE.customers


def test_pandas_by_hand_finds_what_the_fold_finds(folded, directory):
    assert folded.differences(pandas_by_hand.result(*pandas_by_hand.evaluate(directory, ASKED_AT))) == []


def test_the_compiled_rules_find_what_the_fold_finds(folded, directory, tmp_path):
    assert folded.differences(compiled.result(compiled.evaluate(directory, ASKED_AT, tmp_path, "1GB"))) == []


def test_all_sides_say_who_enters_and_leaves_by_an_edited_segment(directory, by_hand, tmp_path):
    duckdb_by_hand.edited(by_hand, directory, ASKED_AT)
    found = set(by_hand.sql("select customer, before, now from edited").fetchall())
    told = pandas_by_hand.edited(directory, ASKED_AT)
    assert {(int(number), bool(row.before), bool(row.now)) for number, row in told.iterrows()} == found
    assert compiled.changed(compiled.edited(directory, ASKED_AT, tmp_path / "other", "1GB")) == found
    assert found


def test_a_difference_is_told(folded):
    first, *others = folded.values
    other = replace(
        folded, values=[{**first, "lines_ever": -1}, *others], members=folded.members - {next(iter(folded.members))}
    )
    told = folded.differences(other)
    assert len(told) == 2
    assert told[0].startswith("customer 1: lines_ever is ")
    assert told[1].startswith("only the one has ")


def test_facts_are_the_same_wherever_they_are_made(directory, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    again = facts(SIZE)
    assert again != directory
    assert json.loads((again / "made.json").read_text()) == json.loads((directory / "made.json").read_text())


def test_facts_that_were_changed_are_thrown_away(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    size = Size(10, 100)
    lines = facts(size) / "lines.parquet"
    whole = lines.read_bytes()
    lines.write_bytes(whole[:-1])
    with pytest.raises(RuntimeError, match=r"lines\.parquet is not as it was made"):
        facts(size)
    assert (facts(size) / "lines.parquet").read_bytes() == whole
