"""What people read of a journey in the Temporal UI."""

from datetime import UTC, datetime, timedelta

from engine.journeys.commands import Deliver, Hold
from engine.journeys.describe import describe, outline
from engine.journeys.inputs import Answered, Began, Due, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import Arm, End, EventTrigger, First, Plan, Send, Split, Switch, Way
from engine.journeys.state import State
from engine.language.rules import load_rules
from tests.docs.pages import ROOT

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def shipped() -> Plan:
    plan = load_rules(ROOT / "rules").plans["payment-reminder"]
    return plan.model_copy(update={"version": "0123456789abcdef"})


def reminded_once(plan: Plan, outcome: str = "sent", reason: str | None = None) -> State:
    state, (hold,) = begin(plan, Began(T0))
    assert isinstance(hold, Hold)
    state, (deliver,) = advance(plan, state, Due(hold.due, hold.wait))
    assert isinstance(deliver, Deliver)
    state, _ = advance(plan, state, Answered(T0 + DAY, deliver.step, outcome, reason))
    return state


def test_the_outline_says_each_step_and_what_stops_it() -> None:
    assert outline(shipped()).rstrip().splitlines() == [
        "One order, step by step. Stops at once when: order.paid, order.cancelled.",
        "",
        "1. waiting 24 h",
        "2. First reminder by email",
        "3. waiting 48 h",
        "4. Second reminder by sms or email",
        "5. waiting 24 h",
        "6. asking whether spend_24mo is at least 500 EUR or 2500 BRL; if not: the end",
        "7. task for sales: Call about the unpaid order",
    ]


def test_the_outline_says_where_each_way_leads() -> None:
    shipped_first = Way(any=(EventTrigger(event="order.shipped"),), to=4)
    code = (
        Switch(id="where", label="choosing by country", cases={"DE": 3}, on="country", orelse=1),
        Split(id="x", label="experiment x", arms=(Arm(name="a", share=1000, to=2), Arm(name="b", share=9000, to=3))),
        First(id="race", label="waiting", ways=(shipped_first,), within=60, orelse=5),
        Send(id="hello", label="Hello", channels=("email",), template="t", on_failure=5),
        Send(id="thanks", label="Thanks", channels=("email",), template="t"),
        End(id="end"),
    )
    outlined = outline(shipped().model_copy(update={"code": code})).splitlines()

    assert outlined[2:7] == [
        "1. choosing by country; DE: Hello; else: experiment x",
        "2. experiment x; a (10%): waiting; b (90%): Hello",
        "3. waiting; order.shipped: Thanks; if none: the end",
        "4. Hello; if it fails: the end",
        "5. Thanks",
    ]


def test_the_outline_of_an_endless_playbook_ends() -> None:
    code = tuple(Send(id=f"s{each}", label="é" * 2000, channels=("email",), template="t") for each in range(500))
    endless = shipped().model_copy(update={"code": (*code, End(id="end"))})

    assert len(outline(endless).encode()) < 20_000
    assert "… and 460 more" in outline(endless)


def test_a_waiting_journey_says_what_has_happened_and_what_comes_next() -> None:
    assert describe(shipped(), reminded_once(shipped())).rstrip().splitlines() == [
        "**Payment reminder** (rules 01234567). Stops at once when: order.paid, order.cancelled.",
        "",
        "- First reminder by email: sent",
        "- Waiting until Thu 05 Mar 2026 09:00 UTC; next: Second reminder by sms or email",
    ]


def test_a_skipped_message_says_why() -> None:
    described = describe(shipped(), reminded_once(shipped(), "skipped", "no_address"))

    assert "- First reminder by email: skipped (no address)" in described.splitlines()


def test_a_stopped_journey_says_when_it_was_over() -> None:
    plan = shipped()
    state, _ = advance(plan, reminded_once(plan), Told(T0 + 2 * DAY, "order.paid", stop=True))

    assert "- finished at Wed 04 Mar 2026 09:00 UTC" in describe(plan, state).splitlines()


def test_a_message_held_back_says_that_it_is_night() -> None:
    plan = shipped()
    state, (hold,) = begin(plan, Began(T0))
    state, (deliver,) = advance(plan, state, Due(hold.due, hold.wait))
    morning = T0 + DAY + timedelta(hours=10)

    state, (held,) = advance(plan, state, Answered(T0 + DAY, deliver.step, "deferred", "quiet_hours", morning))

    assert held.label == "held back: First reminder by email"
    assert held == waits_for(plan, state)
    assert (
        "- Held back by quiet hours until Tue 03 Mar 2026 19:00 UTC: First reminder by email"
        "; next: Second reminder by sms or email"
    ) in describe(plan, state).splitlines()


def test_at_a_wait_for_an_event_it_is_told_what_comes_with_it_and_what_without() -> None:
    plan = load_rules(ROOT / "rules").plans["win-back"]
    state, (choice,) = begin(plan, Began(T0, "customer-1"))
    state, (deliver,) = advance(plan, state, Answered(T0, choice.step, "chosen", "sleeping"))
    state, _ = advance(plan, state, Answered(T0, deliver.step, "sent"))
    assert describe(plan, state).splitlines()[-3] == (
        "- Waiting for an event, at most until Mon 16 Mar 2026 09:00 UTC: waiting for a visit; "
        "if it comes: giving the tag win-back-warm"
    )
