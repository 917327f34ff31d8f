"""An event judges its customer in its own transaction, and its changes start and stop journeys."""

from datetime import datetime, timedelta

import psycopg
import pytest

from engine.dispatch.accept import accept
from engine.evaluation.due import evaluate_due
from engine.facts.events import Event
from engine.facts.standing import standing_as_of
from engine.standing.decide import Change
from tests.facts.intake.telling import placed, progressed
from tests.facts.shop import put, utc
from tests.standing.conftest import matching, with_standing
from tests.standing.shop_rules import RULES

NEW_YEAR = utc("2026-01-01T10:00")


def tell(connection, matcher, event: Event, recorded_at: datetime | None = None):
    outcome = accept(connection, matcher, event, recorded_at or event.at)
    connection.commit()
    return outcome


def order(connection, matcher, number: str, at: datetime, who: str = "newcomer") -> int:
    """Places and pays an order in its own two events; gives the customer."""
    tell(connection, matcher, placed(number, who, at=at))
    return tell(connection, matcher, progressed("paid", number, at=at + timedelta(hours=1))).customer_id


def judge_due(connection, matcher, now: datetime) -> int:
    """Judges whoever is due, as the worker does every minute; gives how many."""
    connection.commit()
    connection.autocommit = True
    judged = 0
    while found := evaluate_due(connection, matcher, now):
        judged += found
    connection.autocommit = False
    return judged


def standing(connection, customer: int, *columns: str):
    row = connection.execute(
        f"select {', '.join(columns)} from standings where customer_id = %s", (customer,)
    ).fetchone()
    return row[0] if row and len(columns) == 1 else row


def changes(connection, customer: int, kind: str):
    return connection.execute(
        'select "from", "to", cause, at from standing_changes where customer_id = %s and kind = %s order by id',
        (customer, kind),
    ).fetchall()


def journeys(connection):
    return connection.execute("select playbook, state, outcome from journeys order by id").fetchall()


def test_a_newcomer_is_judged_with_the_first_event_and_again_with_the_next(connection, shop, matcher):
    customer = tell(connection, matcher, placed("1", "newcomer", at=NEW_YEAR)).customer_id
    assert standing(connection, customer, "stage") == "prospect"
    paid = NEW_YEAR + timedelta(hours=1)
    event = tell(connection, matcher, progressed("paid", "1", at=paid))
    assert standing(connection, customer, "stage", "evaluated_at") == ("new", paid)
    assert changes(connection, customer, "stage") == [
        (None, "prospect", "event", NEW_YEAR),
        ("prospect", "new", "event", paid),
    ]
    cause = connection.execute("select distinct event_id from standing_changes where \"to\" = 'new'").fetchall()
    assert cause == [(event.event_id,)]


def test_a_correction_is_judged_at_once_stops_journeys_and_starts_none(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    told = NEW_YEAR + timedelta(days=100)
    order(connection, matcher, "2", told)
    assert standing(connection, customer, "stage") == "active"
    begun = [name for name, *_ in journeys(connection)]
    right = progressed("paid", "2", key="right", at=told, correction=True)
    assert not tell(connection, matcher, right, told + timedelta(hours=2)).fresh
    assert [state for name, state, _ in journeys(connection) if name == "welcome-back"] == ["running"]

    nothing = {"correction": True, "lines": [], "payments": []}
    right = Event("order.placed", "placed", NEW_YEAR + timedelta(days=1), "main", "newcomer", "2", nothing)
    assert not tell(connection, matcher, right, told + timedelta(hours=3)).fresh
    assert standing(connection, customer, "stage") == "sleeping"
    assert changes(connection, customer, "stage")[-1][:3] == ("active", "sleeping", "baseline")
    assert [(state, outcome) for name, state, outcome in journeys(connection) if name == "welcome-back"] == [
        ("stopped", "stage active -> sleeping")
    ]
    assert [name for name, *_ in journeys(connection)] == begun


def test_the_version_of_the_facts_is_the_one_that_was_judged(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    row = connection.execute(
        """select c.fact_version, s.fact_version from customers c join standings s on s.customer_id = c.id
            where c.id = %s""",
        (customer,),
    ).fetchone()
    assert row[0] == row[1]


def test_a_change_starts_a_journey_once_and_a_later_change_stops_it(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    assert [each[0] for each in journeys(connection)] == ["on-payment"]
    order(connection, matcher, "2", NEW_YEAR + timedelta(days=1))
    started = [each for each in journeys(connection) if each[0] == "welcome-back"]
    assert started == [("welcome-back", "running", None)]
    kinds = connection.execute(
        """select o.kind from outbox o join journeys j on j.id = o.journey_id where j.playbook = 'welcome-back'"""
    ).fetchall()
    assert kinds == [("start",)]

    asleep = NEW_YEAR + timedelta(days=91)
    judge_due(connection, matcher, asleep)
    assert standing(connection, customer, "stage") == "sleeping"
    outcomes = {(playbook, state, outcome) for playbook, state, outcome in journeys(connection)}
    assert outcomes == {
        ("welcome-back", "stopped", "stage active -> sleeping"),
        ("on-payment", "stopped", "stage active -> sleeping"),
    }
    told = connection.execute("select payload from outbox where kind = 'event' order by id limit 1").fetchone()[0]
    assert told == {"event": "stage active -> sleeping", "stop": True, "steps": []}


def test_a_flip_is_judged_as_of_its_own_instant_however_late_it_is_heard_of(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    judge_due(connection, matcher, NEW_YEAR + timedelta(days=400))
    moves = [(before, after, at - NEW_YEAR) for before, after, _, at in changes(connection, customer, "stage")[2:]]
    assert moves == [
        ("new", "active", timedelta(days=30)),
        ("active", "sleeping", timedelta(days=90)),
        ("sleeping", "pre-churn", timedelta(days=180)),
        ("pre-churn", "lost", timedelta(days=365)),
    ]


def test_the_history_keeps_the_values_that_decided(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    judge_due(connection, matcher, NEW_YEAR + timedelta(days=95))
    told = connection.execute(
        """select "to", evidence -> 'values' from standing_changes
            where customer_id = %s and kind = 'stage' order by id""",
        (customer,),
    ).fetchall()
    assert told == [
        ("prospect", None),
        ("new", {"days_since_last_order": 0, "paid_orders": 1}),
        ("active", {"days_since_last_order": 30, "paid_orders": 1}),
        ("sleeping", {"days_since_last_order": 90, "paid_orders": 1}),
    ]


def test_nobody_is_due_before_the_flip(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    flip = standing(connection, customer, "next_flip")
    assert judge_due(connection, matcher, flip - timedelta(microseconds=1)) == 0
    assert judge_due(connection, matcher, flip) == 1


def test_whoever_is_locked_by_somebody_else_is_taken_the_next_time(connection, database, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    late = NEW_YEAR + timedelta(days=40)
    with psycopg.connect(database) as other:
        other.execute("select 1 from customers where id = %s for update", (customer,))
        assert judge_due(connection, matcher, late) == 0
    assert judge_due(connection, matcher, late) == 1


def test_an_event_told_late_is_judged_no_earlier_than_the_standing_before(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    late = NEW_YEAR - timedelta(days=3)
    tell(connection, matcher, placed("0", "newcomer", at=late), recorded_at=NEW_YEAR + timedelta(days=1))
    assert standing(connection, customer, "evaluated_at") == NEW_YEAR + timedelta(hours=1)


def test_an_event_from_the_future_is_judged_as_of_when_it_was_told(connection, shop, matcher):
    ahead = NEW_YEAR + timedelta(days=5)
    customer = tell(connection, matcher, placed("1", "newcomer", at=ahead), recorded_at=NEW_YEAR).customer_id
    assert standing(connection, customer, "evaluated_at") == NEW_YEAR


def test_a_customer_who_was_known_but_never_judged_begins_with_a_baseline(connection, shop, matcher):
    shop.order("1", "2025-12-01T10:00", paid_at="2025-12-01T11:00")
    shop.order("2", "2025-12-02T10:00", paid_at="2025-12-02T11:00")
    connection.commit()
    tell(connection, matcher, Event("site.visit", "v1", NEW_YEAR, "main", "ana", None, {}))
    assert changes(connection, shop.customer, "tag")[0][:3] == (None, "returning", "baseline")
    assert journeys(connection) == []


def test_what_an_import_brought_is_a_baseline_and_the_next_event_is_not(connection, shop, matcher):
    tell(connection, matcher, Event("site.visit", "v1", NEW_YEAR, "main", "ana", None, {}))
    shop.order("1", "2025-12-01T10:00", paid_at="2025-12-01T11:00")
    shop.order("2", "2025-12-02T10:00", paid_at="2025-12-02T11:00")
    connection.execute("update customers set fact_version = fact_version + 1 where id = %s", (shop.customer,))
    connection.execute("update standings set fact_version = -1, next_flip = %s", (NEW_YEAR,))
    assert judge_due(connection, matcher, NEW_YEAR + timedelta(minutes=1)) == 1
    assert changes(connection, shop.customer, "tag")[-1][:3] == (None, "returning", "baseline")
    assert journeys(connection) == []
    assert judge_due(connection, matcher, NEW_YEAR + timedelta(days=15)) == 1
    tell(connection, matcher, Event("site.visit", "v2", NEW_YEAR + timedelta(days=16), "main", "ana", None, {}))
    assert changes(connection, shop.customer, "segment")[-1][:3] == (None, "visitors", "event")


def newcomers(connection) -> list[int]:
    return [customer for (customer,) in connection.execute("select customer_id from newcomers order by 1")]


def everybody_was_judged(connection, judged_at: datetime | None = NEW_YEAR) -> None:
    connection.execute(
        'insert into cut_offs (version, as_of, "values", judged_at) values (%s, %s, %s, %s)',
        ("v1", NEW_YEAR, "{}", judged_at),
    )


def test_who_came_waits_for_the_first_evaluation_of_everybody(connection, shop, matcher):
    shop.order("1", "2025-12-01T10:00", paid_at="2025-12-01T11:00")
    known = order(connection, matcher, "a", NEW_YEAR)
    everybody_was_judged(connection, None)
    assert judge_due(connection, matcher, NEW_YEAR + timedelta(hours=2)) == 0
    assert standing(connection, shop.customer, "stage") is None
    assert newcomers(connection) == [shop.customer, known]


def test_who_came_unheard_of_is_judged_and_both_are_forgotten(connection, shop, matcher):
    shop.order("1", "2025-12-01T10:00", paid_at="2025-12-01T11:00")
    known = order(connection, matcher, "a", NEW_YEAR)
    everybody_was_judged(connection)
    assert newcomers(connection) == [shop.customer, known]
    assert judge_due(connection, matcher, NEW_YEAR + timedelta(hours=2)) == 1
    assert standing(connection, shop.customer, "stage") == "active"
    assert newcomers(connection) == []


def test_who_came_and_is_being_changed_is_judged_the_next_time(connection, database, shop, matcher):
    shop.order("1", "2025-12-01T10:00", paid_at="2025-12-01T11:00")
    everybody_was_judged(connection)
    connection.commit()
    with psycopg.connect(database) as other:
        other.execute("select from customers where id = %s for update", (shop.customer,))
        assert judge_due(connection, matcher, NEW_YEAR) == 0
    assert judge_due(connection, matcher, NEW_YEAR) == 1


def test_a_new_rule_is_a_baseline_with_the_first_event_after_it_and_other_rules_are_not(connection, shop, rules):
    fewer = with_standing(RULES.model_copy(update={"tags": RULES.tags[1:]}), "v0", *rules.plans.values())
    before = matching(connection, fewer)
    customer = order(connection, before, "1", NEW_YEAR)
    order(connection, before, "2", NEW_YEAR + timedelta(days=1))
    after = matching(connection, rules, fewer)
    visit = NEW_YEAR + timedelta(days=2)
    tell(connection, after, Event("site.visit", "v1", visit, "main", "newcomer", None, {}))
    found = connection.execute(
        'select kind, "to", cause from standing_changes where at = %s and customer_id = %s order by id',
        (visit, customer),
    ).fetchall()
    assert found == [("tag", "returning", "baseline"), ("segment", "visitors", "event")]
    assert "welcome-back" not in [each[0] for each in journeys(connection)]


def test_standing_of_a_past_instant_is_read_from_the_history(connection, shop, matcher):
    customer = order(connection, matcher, "1", NEW_YEAR)
    order(connection, matcher, "2", NEW_YEAR + timedelta(days=1))
    before = standing_as_of(connection, customer, NEW_YEAR)
    between = standing_as_of(connection, customer, NEW_YEAR + timedelta(hours=2))
    now = standing_as_of(connection, customer, NEW_YEAR + timedelta(days=2))
    assert (before["stage"], before["tags"]) == ("prospect", frozenset())
    assert (between["stage"], between["tags"]) == ("new", frozenset({"just-bought"}))
    assert (now["stage"], now["tags"]) == ("active", frozenset({"just-bought", "returning"}))


def test_a_tag_given_by_hand_counts_until_it_expires(connection, shop, matcher):
    put(
        connection, "hand_tags", customer_id=shop.customer, tag="vip-by-hand", author="jo", at=NEW_YEAR,
        expires_at=NEW_YEAR + timedelta(days=1),
    )  # fmt: skip
    connection.commit()
    tell(connection, matcher, Event("site.visit", "v1", NEW_YEAR, "main", "ana", None, {}))
    assert "vip-by-hand" in standing(connection, shop.customer, "tags")
    assert judge_due(connection, matcher, NEW_YEAR + timedelta(days=1)) == 1
    assert "vip-by-hand" not in standing(connection, shop.customer, "tags")


def test_rules_without_standing_judge_nobody(connection, shop, rules):
    bare = matching(connection, with_standing(RULES.model_validate({}), "bare"))
    tell(connection, bare, placed("1", "newcomer", at=NEW_YEAR))
    assert connection.execute("select count(*) from standings").fetchone() == (0,)
    connection.commit()
    assert judge_due(connection, bare, NEW_YEAR) == 0


@pytest.mark.parametrize("change", ["enters", "leaves"])
def test_a_change_of_another_name_starts_nothing(matcher, change):
    given = Change("tag", None, "just-bought") if change == "enters" else Change("tag", "returning", None)
    assert not matcher.starts_by((given,))
