"""What people do to journeys and playbooks takes hold at its commit, and who did it, when and why is kept."""

from datetime import timedelta

import pytest

from engine.operations.controls import (
    Order,
    Outstanding,
    Selection,
    act,
    control,
    history_of_journey,
    history_of_playbooks,
    outstanding,
)
from engine.operations.present import read_present
from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.shop import Shop, now

PAUSE = Order("pause", "anna", "the texts are wrong")
RESUME = Order("resume", "ben", "mended")
CANCEL = Order("cancel", "anna", "Zenobia asked us to stop")


@pytest.fixture
def shop(open_shop) -> Shop:
    return open_shop(make_rules(WAIT_AND_REMIND))


def do(shop: Shop, order: Order, selection: Selection, limit: int = 2) -> list[int]:
    """All batches, each in a transaction of its own."""
    done, after = [], 0
    while True:
        with shop.pool.connection() as connection:
            batch, last = act(connection, order, selection, now(), after, limit)
        done += batch
        if last is None:
            return done
        after = last


def paused(shop: Shop) -> list[tuple[str, str | None]]:
    query = "select workflow_id, paused_by from journeys where paused_at is not null order by id"
    return [tuple(row.values()) for row in shop.rows(query)]


def test_a_journey_is_paused_and_resumed_and_its_history_says_by_whom_and_why(shop: Shop) -> None:
    shop.place()
    journey = shop.journey()
    only = Selection(ids=(journey["workflow_id"],))

    assert do(shop, PAUSE, only) == [journey["id"]]
    assert paused(shop) == [(journey["workflow_id"], "anna")]
    assert do(shop, PAUSE, only) == []
    assert do(shop, RESUME, only) == [journey["id"]]
    assert paused(shop) == []

    with shop.pool.connection() as connection:
        history = history_of_journey(connection, journey["id"])
    assert [(each["action"], each["author"], each["reason"]) for each in history] == [
        ("resume", "ben", "mended"),
        ("pause", "anna", "the texts are wrong"),
    ]


def test_all_journeys_of_a_playbook_are_paused_in_batches_and_an_interrupted_run_goes_on(shop: Shop) -> None:
    for number in range(5):
        shop.place(f"N-{number}", f"c{number}")
    chosen = Selection(playbook="payment-reminder")
    with shop.pool.connection() as connection:
        first, _ = act(connection, PAUSE, chosen, now(), limit=2)
    with shop.pool.connection() as connection:
        act(connection, PAUSE, chosen, now(), limit=2)
        connection.rollback()  # killed before its commit
    assert len(first) == len(paused(shop)) == 2

    assert len(do(shop, PAUSE, chosen)) == 3
    assert len(paused(shop)) == 5
    assert shop.row("select count(*) as count from actions")["count"] == 5


def test_only_those_of_the_chosen_playbook_and_state_are_concerned(shop: Shop) -> None:
    shop.place("N-1", "c1")
    shop.place("N-2", "c2")
    shop.execute("update outbox set done_at = now() where journey_id = %s", shop.journey("N-1")["id"])

    assert do(shop, PAUSE, Selection(playbook="another")) == []
    assert do(shop, PAUSE, Selection(state="waiting")) == [shop.journey("N-1")["id"]]
    assert do(shop, RESUME, Selection(state="paused")) == [shop.journey("N-1")["id"]]


def test_a_cancelled_journey_is_over_at_once_and_temporal_hears_of_it_without_the_reason(shop: Shop) -> None:
    shop.place()
    journey = shop.journey()
    shop.execute(
        """insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, reason, until,
                                 due_at, at)
           values ('k', %s, %s, 'payment-reminder', 'first', 'email', 'service', 'deferred', 'quiet_hours',
                   now() + interval '1 hour', now(), now())""",
        journey["id"],
        journey["customer_id"],
    )

    assert do(shop, CANCEL, Selection(ids=(journey["workflow_id"],))) == [journey["id"]]

    assert shop.journeys() == [(journey["workflow_id"], "cancelled", "cancelled")]
    assert shop.messages() == [("first", "email", "skipped", "cancelled")]
    told = shop.rows("select kind, payload from outbox order by id")
    assert told[-1] == {"kind": "cancel", "payload": {"reason": "cancelled"}}
    assert shop.row("select reason from actions")["reason"] == CANCEL.reason
    assert do(shop, CANCEL, Selection()) == []


def test_what_is_outstanding_of_cancelled_journeys_is_what_nobody_has_heard_of_yet(shop: Shop) -> None:
    shop.place()
    journey = shop.journey()
    shop.execute(
        """insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, due_at, at)
           values ('k', %s, %s, 'payment-reminder', 'first', 'email', 'service', 'reserved', now(), now())""",
        journey["id"],
        journey["customer_id"],
    )
    shop.execute("update messages set state = 'in_flight'")
    done = do(shop, CANCEL, Selection())

    def left() -> Outstanding:
        with shop.pool.connection() as connection:
            return outstanding(connection, done)

    assert left() == Outstanding(untold=1, sending=1)
    shop.execute("update outbox set done_at = now()")
    assert left() == Outstanding(untold=0, sending=1)
    shop.execute("update messages set state = 'sent'")
    assert left() == Outstanding(untold=0, sending=0)


def test_a_playbook_is_paused_killed_and_resumed_once_each(shop: Shop) -> None:
    def do_to(action, playbook="payment-reminder") -> bool:
        with shop.pool.connection() as connection:
            return control(connection, action, playbook, "anna", "a reason", now())

    assert [do_to("pause"), do_to("pause"), do_to("kill"), do_to("kill"), do_to("resume"), do_to("resume")] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    do_to("pause", "*")
    with shop.pool.connection() as connection:
        history = history_of_playbooks(connection, "payment-reminder")
        held = read_present(connection, now()).controls
    assert [each["action"] for each in history] == ["pause", "resume", "kill", "pause"]
    assert [(each.playbook, each.state, each.author) for each in held] == [("*", "paused", "anna")]


def test_how_things_stand_counts_what_is_at_work_what_waits_and_what_is_behind(shop: Shop) -> None:
    shop.place("N-1", "c1")
    shop.place("N-2", "c2")
    shop.place("N-3", "c3")
    first = shop.journey("N-1")
    shop.execute("update outbox set done_at = now() where journey_id <> %s", first["id"])
    do(shop, PAUSE, Selection(ids=(shop.journey("N-2")["workflow_id"],)))
    shop.execute(
        """insert into tasks (key, customer_id, task, team, title, opened_at, due_at)
           select v.key, %s, 'call', 'sales', 'Call', now(), v.due
             from (values ('a', now() - interval '1 hour'), ('b', now() + interval '1 day')) v (key, due)""",
        first["customer_id"],
    )
    later = now() + timedelta(seconds=90)
    with shop.pool.connection() as connection:
        present = read_present(connection, later)
    [journeys] = present.journeys.values()
    assert (journeys.running, journeys.waiting, journeys.paused) == (3, 2, 1)
    assert (present.outbox.count, present.outbox.failing) == (1, 0)
    assert 85 < present.outbox.seconds < 200
    assert present.flips.count == 0
    assert [(team, each.open, each.late) for team, each in present.tasks.items()] == [("sales", 2, 1)]
