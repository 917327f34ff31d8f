"""Plans for tests of the interpreter, and a strategy that makes any plan the language can compile."""

from hypothesis import strategies as st

from engine.conditions.ast import Compare, Not, StepIs
from engine.journeys.plan import (
    Branch,
    Controls,
    End,
    EventTrigger,
    Jump,
    Plan,
    Send,
    Start,
    Step,
    Task,
    Wait,
    WaitFor,
    WaitUntil,
    When,
)

DAY = 86400
HIGH_SPENDER = Compare(name="spend_24mo", operator="gte", amounts=(("EUR", 50000),))


def plan(*code: Step, stop: tuple[str, ...] = ("order.paid",)) -> Plan:
    return Plan(
        playbook="payment-reminder",
        title="Remind of an unpaid order",
        subject="order",
        start=Start(any=(EventTrigger(event="order.placed"),)),
        stop=tuple(EventTrigger(event=event) for event in stop),
        controls=Controls(purpose="service"),
        code=code,
    )


REMINDER = plan(
    Wait(id="wait-1", seconds=DAY),
    Send(id="first", channels=("email",), template="first"),
    Wait(id="wait-2", seconds=2 * DAY),
    Send(id="second", channels=("sms", "email"), template="second"),
    Branch(id="if-1", condition=HIGH_SPENDER, orelse=6),
    Task(id="call", task="call", team="sales", title="Call", due=4 * 3600),
    End(id="end"),
)

_CONDITIONS = st.sampled_from(
    [
        HIGH_SPENDER,
        StepIs(step="s0", state="sent"),
        Not(part=StepIs(step="s0", state="skipped")),
        StepIs(step="s0", state="clicked"),
    ]
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any flat code whose jumps lead forward and that ends with an End."""
    length = draw(st.integers(1, 8))
    code: list[Step] = []
    for index in range(length):
        ahead = st.integers(index + 1, length)
        fallback = draw(st.one_of(st.none(), ahead))
        kind = draw(st.sampled_from(["send", "wait", "wait_until", "wait_for", "branch", "jump", "task", "end"]))
        match kind:
            case "send":
                code.append(Send(id=f"s{index}", channels=("email",), template="t", on_failure=fallback))
            case "wait":
                since = draw(st.sampled_from(["previous", "start"]))
                code.append(Wait(id=f"s{index}", seconds=draw(st.integers(0, 5 * DAY)), since=since))
            case "wait_until":
                past = draw(st.sampled_from(["go", "skip", "end"]))
                follow = (EventTrigger(event="order.shipped"),) * draw(st.integers(0, 1))
                skip = draw(ahead) if past == "skip" else None
                when = When(date="order.estimated_at")
                code.append(
                    WaitUntil(id=f"s{index}", when=when, if_past=past, skip_to=skip, follow=follow, on_failure=fallback)
                )
            case "wait_for":
                got, orelse = draw(ahead), draw(ahead)
                within = draw(st.integers(0, 5 * DAY))
                trigger = EventTrigger(event="site.visit")
                code.append(WaitFor(id=f"s{index}", any=(trigger,), within=within, got=got, orelse=orelse))
            case "branch":
                code.append(
                    Branch(id=f"s{index}", condition=draw(_CONDITIONS), orelse=draw(ahead), on_failure=fallback)
                )
            case "jump":
                code.append(Jump(id=f"s{index}", to=draw(ahead)))
            case "task":
                code.append(Task(id=f"s{index}", task="t", team="sales", title="T", on_failure=fallback))
            case _:
                code.append(End(id=f"s{index}"))
    return plan(*code, End(id="end"))
