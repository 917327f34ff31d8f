"""Two days of Olist with a playbook that starts by falling asleep, held against pandas over the CSV files."""

import shutil
from datetime import datetime
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from tests.olist.expected_standing import counted_orders
from tests.olist.test_replay import REPOSITORY, midnight, regulars

_PLAYBOOK = """
playbook: wake
title: Wake whoever falls asleep
for: customer
start: {enters: {stage: sleeping}}
stop: {leaves: {stage: sleeping}}
steps:
  - wait: 12h
  - task: {id: call, team: sales, title: Call}
"""
_DAY = pd.Timedelta(days=1)
_WAIT = pd.Timedelta(hours=12)
Starts = set[tuple[str, pd.Timestamp]]


def expected_starts(olist: Path, start: datetime, to: datetime) -> tuple[Starts, Starts]:
    """Who falls asleep in [start, to) and when, and those of them who are called twelve hours later."""
    orders = counted_orders(olist)
    orders = orders[orders["paid"].notna() & (orders["placed"] < to)]
    # All that can change whether somebody sleeps: an order counts from its payment on, and ages.
    turns = [orders[["placed", "paid"]].max(axis=1), orders["placed"] + 90 * _DAY, orders["placed"] + 180 * _DAY]
    moments = pd.concat([orders[["person"]].assign(at=at) for at in turns])
    moments = moments[(moments["at"] >= start) & (moments["at"] < to)].drop_duplicates()
    by_person = dict(list(orders[orders["person"].isin(moments["person"])].groupby("person")))

    def sleeps(person: str, at: pd.Timestamp) -> bool:
        own = by_person[person]
        placed = own.loc[(own["placed"] <= at) & (own["paid"] <= at), "placed"].max()
        return pd.notna(placed) and 90 <= (at - placed) // _DAY < 180

    tick = pd.Timedelta(microseconds=1)
    changes = [
        (each.person, each.at, sleeps(each.person, each.at))
        for each in moments.itertuples()
        if sleeps(each.person, each.at) != sleeps(each.person, each.at - tick)
    ]
    starts = {(person, at) for person, at, asleep in changes if asleep}
    woken = [(person, at) for person, at, asleep in changes if not asleep]
    called = {
        (person, at + _WAIT)
        for person, at in starts
        if at + _WAIT < to and not any(whose == person and at < when <= at + _WAIT for whose, when in woken)
    }
    return starts, called


@pytest.mark.timeout(600)
def test_whoever_falls_asleep_in_two_days_starts_a_journey_as_pandas_works_it_out(
    tmp_path: Path, olist_database: str, olist: Path
) -> None:
    shutil.copytree(REPOSITORY / "rules", tmp_path / "rules")
    for playbook in (tmp_path / "rules" / "playbooks").iterdir():
        playbook.unlink()
    (tmp_path / "rules" / "playbooks" / "wake.yaml").write_text(_PLAYBOOK)
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')

    told = regulars(tmp_path, olist_database, "replay", "asleep", "--from", "2017-05-15", "--to", "2017-05-17")

    starts, called = expected_starts(olist, midnight("2017-05-15"), midnight("2017-05-17"))
    with psycopg.connect(olist_database, options="-c search_path=replay_asleep -c timezone=UTC") as connection:
        found = connection.execute(
            "select c.key, j.started_at from journeys j join customers c on c.id = j.customer_id"
        ).fetchall()
        tasks = connection.execute(
            "select c.key, t.opened_at from tasks t join customers c on c.id = t.customer_id where t.task = 'call'"
        ).fetchall()
        connection.execute("drop schema replay_asleep cascade")
    assert len(starts) > 50, told
    assert len(found) == len(starts)
    assert {(person, pd.Timestamp(at)) for person, at in found} ^ starts == set()
    assert {(person, pd.Timestamp(at)) for person, at in tasks} ^ called == set()
    assert called
