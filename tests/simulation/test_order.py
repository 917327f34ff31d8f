"""What happens at one instant happens in one order, and a send is decided as the database decides it."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.ruletests.read import read_tests
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.history import History
from engine.simulation.world import World
from tests.simulation.scenes import CUSTOMER, HEAD, ORDER, POLICY, files, lines, passes, sound

SEND = "  - send: {id: hello, channel: email, template: hello}\n"
STOPPED = ORDER + "stop: {any: [{event: order.paid}, {event: order.cancelled}]}\n"
SERVICE = ORDER.replace("purpose: transactional", "purpose: service")
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_fact_comes_before_a_wait_that_is_over_at_the_same_instant():
    passes(
        "  - wait: 1d\n" + SEND,
        "{orders: [{placed: 0, paid: +1d}], expect: {journey: [{stopped: order.paid, at: +1d}]}}",
        head=STOPPED,
    )


def test_a_wait_is_over_before_a_fact_of_a_microsecond_later():
    passes(
        "  - wait: 1d\n" + SEND + "  - wait: 1d\n",
        "{orders: [{placed: 0, paid: '2026-03-03T10:00:00.000001Z'}], "
        "expect: {journey: [{sent: hello, at: +1d}, {stopped: order.paid}]}}",
        head=STOPPED,
    )


def test_a_flip_comes_before_a_wait_that_is_over_at_the_same_instant():
    head = CUSTOMER.replace("{enters: {segment: quiet}}", "{event: site.visit}") + "stop: {enters: {segment: quiet}}\n"
    passes(
        "  - wait: 1d\n" + SEND,
        "{orders: [{paid: -29d}], site_events: [0], expect: {journey: [{stopped: segment -> quiet, at: +1d}]}}",
        head=head,
    )


def test_what_was_paid_before_it_was_placed_is_paid():
    passes(
        SEND,
        "{orders: [{placed: 0, paid: -1h}], "
        "expect: {journey: [{skipped: hello, reason: stopped}, {stopped: order.paid}]}}",
        head=STOPPED,
    )


@pytest.mark.parametrize(
    ("policy", "facts", "does"),
    [
        ("", "consents: [{purpose: service, granted: false}]", "{skipped: hello, reason: no_consent}"),
        ("", "customer: {has_email: false}", "{skipped: hello, reason: no_address}"),
        ("", "suppressions: [-2d]", "{skipped: hello, reason: suppressed}"),
        ("  holdout: 100%\n", "", "{skipped: hello, reason: global_holdout}"),
        ("  holds: [{while: {country: DE}, do: skip}]\n", "", "{skipped: hello, reason: held}"),
        ("  caps: [{at_most: 1, per: 7d, do: skip}]\n", "messages: [-1d]", "{skipped: hello, reason: cap_reached}"),
        (
            "  caps: [{at_most: 1, per: 7d}]\n",
            "messages: [-1d]",
            "{held: hello, until: +6d, reason: cap_reached}, {sent: hello, at: +6d}",
        ),
        (
            '  quiet_hours: {start: "09:00", end: "11:00"}\n',
            "",
            "{held: hello, until: +1h, reason: quiet_hours}, {sent: hello, at: +1h}",
        ),
        (
            "  weekdays: [wednesday]\n",
            "",
            "{held: hello, until: 2026-03-04, reason: weekday}, {sent: hello, at: 2026-03-04}",
        ),
        (
            "  blackout: [{from: 2026-03-01, to: 2026-03-03}]\n",
            "",
            "{held: hello, until: 2026-03-04, reason: blackout}, {sent: hello, at: 2026-03-04}",
        ),
    ],
    ids=[
        "consent", "address", "suppression", "holdout", "hold", "cap skips", "cap delays", "quiet hours",
        "weekday", "blackout",
    ],
)  # fmt: skip
def test_a_send_is_decided_for_the_reason_that_the_policy_gives(policy, facts, does):
    facts = f", {facts}" if facts else ""
    body = f"{{orders: [{{placed: 0}}]{facts}, expect: {{journey: [{does}, {{ends: ended}}]}}}}"
    passes(SEND, body, head=SERVICE, policy=POLICY + policy)


def test_a_goal_that_is_reached_says_all_that_there_was_to_say():
    passes(
        "  - wait: 1d\n" + SEND,
        "{orders: [{placed: 0, paid: +1h}], "
        "expect: {journey: [{skipped: hello, reason: goal_reached, at: +1d}, {ends: ended}]}}",
        head=SERVICE + "goal: {event: order.paid, within: 7d}\n",
    )


def world(policy: str, count: int, steps: str = SEND) -> World:
    """So many customers who each order at the start."""
    rules = sound({**files(steps, head=SERVICE, policy=POLICY + policy), "x.test.yaml": f"{HEAD}  x: {_ONE}\n"})
    case = read_tests(rules).cases[0]
    bench = Bench(rules, "EUR", {"tried"})
    customers = [Customer(number, History(bench, case.facts)) for number in range(1, count + 1)]
    made = World(bench, customers, START)
    made.run(START + timedelta(days=30))
    return made


_ONE = "{orders: [{placed: 0}], expect: {journey: none}}"


def test_customers_share_the_places_of_a_capacity():
    made = world("  capacities: {email: {per_hour: 2}}\n", 4)
    sent = [entry for entry in made.entries if entry.what == "sent"]
    held = [entry for entry in made.entries if entry.what == "held"]
    assert [(entry.journey, entry.at) for entry in sent[:2]] == [(1, START), (2, START)]
    assert [entry.journey for entry in held] == [3, 4]
    assert {entry.told["reason"] for entry in held} == {"capacity_reached"}
    hour = START + timedelta(hours=1)
    assert all(hour <= entry.at < hour + timedelta(hours=1) for entry in sent[2:])
    assert len(sent) == 4


def test_customers_share_a_channels_limit():
    made = world("", 1)
    assert lines(made) == ["1 sent hello 02 10:00", "1 ends ended 02 10:00"]
    limited = POLICY.replace("in_doubt: hold", "in_doubt: hold, limit: {count: 1, per: 60s}")
    rules = sound({**files(SEND, head=SERVICE, policy=limited), "x.test.yaml": f"{HEAD}  x: {_ONE}\n"})
    case, bench = read_tests(rules).cases[0], Bench(rules, "EUR", {"tried"})
    made = World(bench, [Customer(number, History(bench, case.facts)) for number in (1, 2, 3)], START)
    made.run(START + timedelta(days=1))
    sent = [entry.at - START for entry in made.entries if entry.what == "sent"]
    assert sent == [timedelta(minutes=minutes) for minutes in (0, 1, 2)]


def test_a_stop_found_on_the_way_takes_back_a_promised_place():
    made = world("  capacities: {email: {per_hour: 1}}\n", 2)
    assert all(counts == (1, 0) for counts in made.shared.places.values() if sum(counts))


@pytest.mark.parametrize("status", ["draft", "paused", "test"])
def test_a_playbook_is_tested_as_if_it_were_live(status):
    body = "{orders: [{placed: 0}], expect: {journey: [{sent: hello}, {ends: ended}]}}"
    passes(SEND, body, head=f"{SERVICE}status: {status}\n", policy=f"{POLICY}  mode: test\n")
