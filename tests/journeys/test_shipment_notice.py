"""The shipped playbook for parcels, decided by the interpreter alone: which message follows from which facts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.attributes.relations import RELATIONS
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.journeys.commands import Ask, Command, Deliver, Finish, LookUp, OpenTask
from engine.journeys.inputs import Answered, Began, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.language.files import read_directory
from engine.language.rules import compile_rules, is_test

RULES = Path(__file__).parents[2] / "rules"
PLAN = compile_rules({path: text for path, text in read_directory(RULES).items() if not is_test(path)}).plans[
    "shipment-notice"
]
SHIPPED = datetime(2026, 3, 2, 9, tzinfo=UTC)
TYPES = {
    f"{scope}.{name}": field.type
    for scope, relation in (("shipment", "shipments"), ("order", "orders"))
    for name, field in RELATIONS[relation].offered.items()
}


def after(days: float) -> datetime:
    return SHIPPED + timedelta(days=days)


def known(facts: dict[str, datetime], at: datetime) -> Known:
    """The parcel and its order as of an instant; `facts` says when each thing happened or was promised."""
    happened = {name for name, when in facts.items() if when <= at}
    there = happened & {"delivered", "lost"}
    states = {f"shipment.{name}": name in happened for name in ("out_for_delivery", "delivered", "lost")}
    return Known(
        attributes={
            **states,
            "shipment.under_way": not there,
            "shipment.overdue": "promised" in happened and not there,
            "order.cancelled": "cancelled" in happened,
        }
    )


def journey(*delays: datetime, **facts: datetime) -> list[str]:
    """Steps that a parcel's journey takes, with the day after shipping: `late on 2.25`."""
    told = [(when, f"shipment.{name}") for name, when in facts.items() if name not in ("promised", "cancelled")]
    upcoming = sorted([*told, *((when, "shipment.delayed") for when in delays)])
    took: list[str] = []
    state, commands = begin(PLAN, Began(SHIPPED, "shipment-1"))
    while not any(isinstance(command, Finish) for command in commands):
        happened: Input | None = next(filter(None, (answer(command, facts, took) for command in commands)), None)
        if happened is None:
            hold = waits_for(PLAN, state)
            assert hold is not None
            if upcoming and upcoming[0][0] <= hold.due:
                at, kind = upcoming.pop(0)
                heard = tuple(step for step, triggers in PLAN.heard() if kind in {each.event for each in triggers})
                happened = Told(at, kind, steps=heard)
            else:
                happened = Due(hold.due, hold.wait)
        state, commands = advance(PLAN, state, happened)
    return took


def answer(command: Command, facts: dict[str, datetime], took: list[str]) -> Answered | None:
    match command:
        case Ask(step=step, at=at, condition=condition):
            holds = compile_condition(condition, currency=None, types=TYPES)(known(facts, at))
            return Answered(at, step, "true" if holds else "false")
        case LookUp(step=step, at=at):
            promised = facts.get("promised")
            return Answered(at, step, "unknown" if promised is None else "due", until=promised)
        case Deliver(step=step, at=at):
            took.append(f"{step} on {(at - SHIPPED) / timedelta(days=1):g}")
            return Answered(at, step, "sent")
        case OpenTask(step=step, at=at):
            took.append(f"{step} on {(at - SHIPPED) / timedelta(days=1):g}")
            return Answered(at, step, "done")
        case _:
            return None


@pytest.mark.parametrize(
    ("delays", "facts", "steps"),
    [
        ([], {"out_for_delivery": 2, "delivered": 2.25, "promised": 3}, ["arriving on 2", "delivered on 2.25"]),
        ([], {"delivered": 2, "promised": 3}, ["delivered on 2"]),
        (
            [1, 2],
            {"out_for_delivery": 4, "delivered": 4.25, "promised": 9},
            ["delayed on 1", "delayed on 2", "arriving on 4", "delivered on 4.25"],
        ),
        ([], {"promised": 2.25, "delivered": 5}, ["late on 2.25", "delivered on 5"]),
        (
            [],
            {"promised": 2.25, "out_for_delivery": 4, "delivered": 4.5},
            ["late on 2.25", "arriving on 4", "delivered on 4.5"],
        ),
        ([], {"promised": 9, "lost": 3}, ["lost on 3", "trace on 3"]),
        ([], {"promised": 2.25, "lost": 6}, ["late on 2.25", "lost on 6", "trace on 6"]),
        ([], {"promised": 9, "out_for_delivery": 2, "lost": 3}, ["arriving on 2", "lost on 3", "trace on 3"]),
        ([], {"promised": 2.25}, ["late on 2.25", "trace on 16.25"]),
        ([], {}, ["trace on 56"]),
        ([1], {"cancelled": 0.75, "delivered": 2}, []),
        ([], {"out_for_delivery": 2, "cancelled": 2.1, "delivered": 2.25}, ["arriving on 2"]),
    ],
)
def test_each_parcel_is_told_of_what_becomes_of_it_and_no_more(delays, facts, steps):
    took = journey(*map(after, delays), **{name: after(day) for name, day in facts.items()})
    assert took == ["shipped on 0", *steps]


def test_of_an_order_that_is_cancelled_already_nothing_is_announced():
    assert journey(cancelled=SHIPPED, delivered=after(2)) == []
