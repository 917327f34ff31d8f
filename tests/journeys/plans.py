"""Plans for tests of the interpreter, and a strategy that makes any plan the language can compile."""

from hypothesis import strategies as st

from engine.conditions.ast import Compare, Not, StepIs
from engine.journeys.plan import (
    Again,
    Arm,
    Branch,
    Controls,
    End,
    EventTrigger,
    First,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Send,
    Split,
    Start,
    Step,
    Switch,
    Tag,
    Task,
    Wait,
    WaitFor,
    WaitUntil,
    Way,
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


_VISIT = (EventTrigger(event="site.visit"),)


def _acting(draw: st.DrawFn, index: int, ahead: st.SearchStrategy[int]) -> Step:
    """A step that does something, or ends."""
    name, failure = f"s{index}", draw(st.one_of(st.none(), ahead))
    match draw(st.sampled_from(["send", "send", "task", "tag", "end"])):
        case "send":
            return Send(id=name, channels=("email",), template="t", on_failure=failure)
        case "task":
            return Task(id=name, task="t", team="sales", title="T", on_failure=failure)
        case "tag":
            return Tag(id=name, add=("warm",), on_failure=failure)
        case _:
            return End(id=name)


def _waiting(draw: st.DrawFn, index: int, ahead: st.SearchStrategy[int]) -> Step:
    """A step that lets time pass."""
    name, seconds = f"s{index}", draw(st.integers(0, 5 * DAY))
    match draw(st.sampled_from(["wait", "wait_until", "wait_for", "first"])):
        case "wait":
            return Wait(id=name, seconds=seconds, since=draw(st.sampled_from(["previous", "start"])))
        case "wait_until":
            past = draw(st.sampled_from(["go", "skip", "end"]))
            follow = (EventTrigger(event="order.shipped"),) * draw(st.integers(0, 1))
            skip, failure = draw(ahead) if past == "skip" else None, draw(st.one_of(st.none(), ahead))
            when = When(date="order.estimated_at")
            return WaitUntil(id=name, when=when, if_past=past, skip_to=skip, follow=follow, on_failure=failure)
        case "wait_for":
            until = draw(st.sampled_from([None, When(date="order.estimated_at")]))
            failure = draw(st.one_of(st.none(), ahead)) if until else None
            return WaitFor(
                id=name,
                any=_VISIT,
                within=seconds,
                until=until,
                got=draw(ahead),
                orelse=draw(ahead),
                on_failure=failure,
            )
        case _:
            ways = tuple(Way(any=_VISIT, to=to) for to in draw(st.lists(ahead, min_size=1, max_size=3)))
            return First(id=name, ways=ways, within=seconds, orelse=draw(ahead))


def _choosing(draw: st.DrawFn, index: int, ahead: st.SearchStrategy[int]) -> Step:
    """A step that leads elsewhere."""
    name = f"s{index}"
    match draw(st.sampled_from(["branch", "jump", "switch", "split"])):
        case "branch":
            failure = draw(st.one_of(st.none(), ahead))
            return Branch(id=name, condition=draw(_CONDITIONS), orelse=draw(ahead), on_failure=failure)
        case "jump":
            return Jump(id=name, to=draw(ahead))
        case "switch":
            cases = draw(st.dictionaries(st.sampled_from(["DE", "FR"]), ahead, min_size=1))
            return Switch(id=name, on="country", cases=cases, orelse=draw(ahead))
        case _:
            return Split(id=name, arms=tuple(Arm(name=arm, share=5000, to=draw(ahead)) for arm in ("a", "b")))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any flat code that ends with an End; its jumps lead forward, but for those of repetitions."""
    length = draw(st.integers(1, 8))
    code: list[Step] = []
    again: dict[int, Again] = {}
    for index in range(length):
        ahead = st.integers(index + 1, length)
        free = [place for place in range(index + 1, length) if place not in again]
        kind = draw(st.sampled_from(["acting", "waiting", "choosing", *(["repeat"] if free else [])]))
        if index in again:
            code.append(again[index])
        elif kind == "repeat":
            last, times = draw(st.sampled_from(free)), draw(st.integers(1, 3))
            every = draw(st.one_of(st.none(), st.just(DAY)))
            again[last] = Again(id=f"s{last}", repeat=index, times=times, every=every)
            code.append(Repeat(id=f"s{index}", times=times, last=last))
        else:
            code.append({"acting": _acting, "waiting": _waiting, "choosing": _choosing}[kind](draw, index, ahead))
    return plan(*code, End(id="end"))


def _shifted(step: Step, name: str, by: int) -> Step:
    """The step as it is in code that begins later, under a name of its own."""
    data = step.model_dump()
    data["id"] = f"{name}-{step.id}"
    for key in ("to", "got", "orelse", "skip_to", "last", "repeat", "on_failure"):
        if data.get(key) is not None:
            data[key] += by
    for key in ("ways", "arms"):
        data[key] = [{**each, "to": each["to"] + by} for each in data.get(key, ())] or None
    data["cases"] = {case: place + by for case, place in data.get("cases", {}).items()} or None
    return type(step).model_validate({key: value for key, value in data.items() if value is not None})


@st.composite
def parallel_plans(draw: st.DrawFn) -> Plan:
    """Two or three of any plans at once, and then a message."""
    code: list[Step] = []
    starts: list[int] = []
    for number in range(draw(st.integers(2, 3))):
        starts.append(1 + len(code))
        name = f"b{number}"
        code += [_shifted(step, name, starts[-1]) for step in draw(plans()).code[:-1]]
        code.append(Join(id=f"{name}-join"))
    first = Parallel(id="both", branches=tuple(starts), join=1 + len(code))
    return plan(first, *code, Send(id="after", channels=("email",), template="t"), End(id="end"))
