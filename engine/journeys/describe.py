"""A journey in words, for whoever looks at it in the Temporal UI. Ids and instants only, never personal data."""

from datetime import datetime

from engine.journeys.plan import (
    Again,
    Branch,
    Calling,
    End,
    First,
    Instruction,
    Join,
    Jump,
    Parallel,
    Plan,
    Send,
    Split,
    Switch,
    Tag,
    Task,
    Trigger,
    WaitFor,
)
from engine.journeys.state import State

_AWAITING = {
    "answer": "Now",
    "timer": "Waiting until {due}",
    "event": "Waiting for an event, at most until {due}",
    "release": "Held back by quiet hours until {due}",
    "join": "Several steps at once",
    "moved": "Waiting until {due}, then",
}

# A start with too much text is refused by some clusters, and nobody reads so much.
_MOST, _LONGEST = 40, 200
_BLANK = "\N{NO-BREAK SPACE}"
"""The Web UI cuts off the last line of a long text: then it cuts this one."""


def brief(text: str) -> str:
    """One line of at most 200 characters, as a summary in the Web UI."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def outline(plan: Plan) -> str:
    """Markdown that says what the playbook does, step by step, for whoever opens one of its journeys."""
    shown = (step for step in plan.code if not isinstance(step, Jump | Again | Join | End))
    lines = [f"{step.label or step.id}{_otherwise(plan, step)}" for step in shown]
    numbered = [f"{number}. {line[:_LONGEST]}" for number, line in enumerate(lines[:_MOST], start=1)]
    more = [f"… and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "\n".join([f"One {plan.subject}, step by step.{_stops(plan)}", "", *numbered, *more, "", _BLANK])


def _otherwise(plan: Plan, step: Instruction) -> str:
    """Where a step that has two ways out goes on if the answer is no, if nothing came, or if it fails."""
    ways = "; ".join(f"{way}: {_place(plan, to)}" for way, to in _ways(step))
    return (f"; {ways}" if ways else "") + (
        "" if step.on_failure is None else f"; if it fails: {_place(plan, step.on_failure)}"
    )


def _ways(step: Instruction) -> list[tuple[str, int]]:
    """Each way out of a step besides the next line, in words, and where it leads."""
    match step:
        case Branch(orelse=orelse) | WaitFor(orelse=orelse):
            return [("if not", orelse)]
        case First(ways=ways, orelse=orelse):
            return [*((words_of(way.any), way.to) for way in ways), ("if none", orelse)]
        case Switch(cases=cases, orelse=orelse):
            return [*cases.items(), ("else", orelse)]
        case Parallel(branches=branches):
            return [("and", place) for place in branches[1:]]
        case Split(arms=arms):
            return [(f"{arm.name} ({arm.share / 100:g}%)", arm.to) for arm in arms]
        case _:
            return []


def words_of(triggers: tuple[Trigger, ...]) -> str:
    """Triggers in a few words."""
    return " or ".join(dict.fromkeys(map(str, triggers)))


def _place(plan: Plan, index: int) -> str:
    """The step that is reached by going on at an index."""
    step = plan.code[index]
    while isinstance(step, Jump):
        step = plan.code[step.to]
    return "the end" if isinstance(step, End) else step.label or step.id


def describe(plan: Plan, state: State) -> str:
    """Markdown that says what has happened, where the journey stands and what comes next."""
    lines = [f"**{plan.title}** (rules {plan.version[:8] or 'unversioned'}).{_stops(plan)}", ""]
    lines += [f"- {_label(plan, step)}: {_became(state, step, outcome)}" for step, outcome in state.outcomes]
    lines += [f"- {each}" for each in _places(plan, state)]
    return "\n".join([*lines, "", _BLANK])


def _became(state: State, step: str, outcome: str) -> str:
    reason = dict(state.reasons).get(step)
    return (f"{outcome} ({reason})" if reason else outcome).replace("_", " ")


def _stops(plan: Plan) -> str:
    events = ", ".join(dict.fromkeys(map(str, plan.stop)))
    return f" Stops at once when: {events}." if events else ""


def _places(plan: Plan, state: State) -> list[str]:
    """Where the journey stands; each branch of it where branches go on at once."""
    if not state.branches:
        return [_present(plan, state)]
    return [place for branch in state.branches if not branch.joined for place in _places(plan, branch)]


def _present(plan: Plan, state: State) -> str:
    position = state.position
    if state.finished or position is None:
        return f"finished at {_instant(state.now)}"
    words = _AWAITING[position.awaiting].format(due=_instant(position.due) if position.due else "")
    step = plan.code[position.index]
    present = words if position.awaiting == "timer" else f"{words}: {_label(plan, step.id)}"
    match step:
        case WaitFor(got=got, orelse=orelse):
            ways = (("if it comes", got), ("else", orelse))
        case Again(repeat=repeat):
            ways = (("next", repeat + 1), ("", 0))
        case _:
            ways = (("next", position.index + 1), ("", 0))
    upcoming = ((way, _upcoming(plan, to)) for way, to in ways if way)
    return "; ".join([present, *(f"{way}: {_label(plan, step)}" for way, step in upcoming if step)])


def _upcoming(plan: Plan, index: int) -> str | None:
    """What is done next in the order of writing, as far as no choice of several lies before it."""
    while index < len(plan.code):
        step = plan.code[index]
        match step:
            case Send() | Task() | Calling() | Tag():
                return step.id
            case Jump(to=to):
                index = to
            case WaitFor(got=first, orelse=orelse):
                return _upcoming(plan, first) or _upcoming(plan, orelse)
            case Branch(orelse=orelse):
                return _upcoming(plan, index + 1) or _upcoming(plan, orelse)
            case End() | Join() | Switch() | First() | Split() | Parallel():
                return None
            case _:
                index += 1
    return None


def _label(plan: Plan, step: str) -> str:
    found: Instruction | None = next((one for one in plan.code if one.id == step), None)
    return (found.label if found and found.label else step) or step


def _instant(at: datetime) -> str:
    return at.strftime("%a %d %b %Y %H:%M UTC")
