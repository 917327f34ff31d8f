"""A journey in words, for whoever looks at it in the Temporal UI. Ids and instants only, never personal data."""

from datetime import datetime

from engine.journeys.plan import Instruction, Plan, Send, Task
from engine.journeys.state import State

_AWAITING = {
    "answer": "Now",
    "timer": "Waiting until {due}",
    "event": "Waiting for an event, at most until {due}",
    "release": "Held back by quiet hours until {due}",
}


def describe(plan: Plan, state: State) -> str:
    """Markdown that says what has happened, where the journey stands and what comes next."""
    lines = [f"**{plan.title}** (rules {plan.version[:8] or 'unversioned'})", ""]
    lines += [f"- {_label(plan, step)}: {outcome.replace('_', ' ')}" for step, outcome in state.outcomes]
    lines.append(f"- {_present(plan, state)}")
    if plan.stop:
        lines += ["", f"Stops at once when: {', '.join(map(str, plan.stop))}."]
    return "\n".join(lines)


def _present(plan: Plan, state: State) -> str:
    position = state.position
    if state.finished or position is None:
        return f"finished at {_instant(state.now)}"
    words = _AWAITING[position.awaiting].format(due=_instant(position.due) if position.due else "")
    step = plan.code[position.index]
    upcoming = next((later for later in plan.code[position.index + 1 :] if isinstance(later, Send | Task)), None)
    present = words if position.awaiting == "timer" else f"{words}: {_label(plan, step.id)}"
    return present + (f"; next: {_label(plan, upcoming.id)}" if upcoming else "")


def _label(plan: Plan, step: str) -> str:
    found: Instruction | None = next((one for one in plan.code if one.id == step), None)
    return (found.label if found and found.label else step) or step


def _instant(at: datetime) -> str:
    return at.strftime("%a %d %b %Y %H:%M UTC")
