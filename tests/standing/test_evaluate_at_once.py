"""Everybody judged at once over the mirror, against everybody judged one after the other: the same in the database."""

from datetime import timedelta

import pytest

from engine.dispatch.accept import accept
from engine.evaluation.everybody import Everybody
from engine.evaluation.run import Asked, evaluate
from engine.facts.pool import connect
from tests.facts.intake.telling import placed, progressed
from tests.facts.shop import utc
from tests.standing.conftest import matching
from tests.standing.crowds import differing, fill, found
from tests.standing.shipped import LOOK_AGAIN, shipped_standing

NOW = utc("2026-01-01T10:00")


@pytest.fixture(scope="module")
def rules():
    """All that ships and gives a standing, and a playbook that somebody's standing starts."""
    return shipped_standing({"playbooks/look-again.yaml": LOOK_AGAIN})


@pytest.fixture
def both(make_database):
    """Two databases with the same people."""
    urls = make_database(), make_database()
    for url in urls:
        fill(url, NOW)
    return urls


def hand_tags(url, at):
    with connect(url) as connection:
        connection.execute(
            """insert into hand_tags (customer_id, tag, author, at, expires_at, recorded_at)
               select id, 'credit-checked', 'Ada', %(at)s,
                      case id %% 2 when 0 then %(at)s + interval '1 day' end, %(at)s
                 from customers where id %% 7 = 0""",
            {"at": at},
        )


def test_evaluations_at_once_leave_what_those_one_after_the_other_leave(both, rules, tmp_path):
    alone, at_once = both
    for days in (0, 1, 40, 300):
        now = NOW + timedelta(days=days)
        one = evaluate(Asked(alone, rules, now, now, write=True, processes=1))
        other = evaluate(Asked(at_once, rules, now, now, write=True, mirror=tmp_path, chunk=7))
        assert differing(found(at_once), found(alone)) == {}, days
        assert (other.tally.sizes, other.tally.changes) == (one.tally.sizes, one.tally.changes)
        assert (other.cut_offs, other.journeys, other.tally.again) == (one.cut_offs, one.journeys, 0)
        assert (other.tally.unexpected, other.tally.several_stages) == (one.tally.unexpected, one.tally.several_stages)
        for url in both:
            hand_tags(url, now)
    assert one.journeys > 0


def test_a_past_instant_is_counted_and_nothing_is_written(both, rules, tmp_path):
    past = NOW - timedelta(days=200)
    one = evaluate(Asked(both[0], rules, past, NOW, write=False, processes=1))
    other = evaluate(Asked(both[1], rules, past, NOW, write=False, mirror=tmp_path))
    assert (other.tally.sizes, other.cut_offs) == (one.tally.sizes, one.cut_offs)
    assert other.tally.several_stages == one.tally.several_stages
    assert found(both[1])["standings"] == found(both[1])["cut-offs"] == []


def test_whoever_orders_between_the_reading_and_the_writing_is_judged_again(both, rules, tmp_path, monkeypatch):
    url, said = both[0], Everybody.said

    def interrupted(self):
        batches = list(said(self))
        with connect(url) as connection:
            matcher = matching(connection, rules)
            accept(connection, matcher, placed("late", "ana", at=NOW), NOW)
            accept(connection, matcher, progressed("paid", "late", at=NOW), NOW)
        return iter(batches)

    monkeypatch.setattr(Everybody, "said", interrupted)
    result = evaluate(Asked(url, rules, NOW, NOW, write=True, mirror=tmp_path))
    assert result.tally.again == 1
    with connect(url) as connection:
        stored = """select s.fact_version = c.fact_version, s.stage
                      from standings s join customers c on c.id = customer_id where c.key = 'main-ana'"""
        assert connection.execute(stored).fetchall() == [(True, "new")]
