"""Playbooks as an operator could write them: any tree of the steps that run, as YAML, compiled by `check`'s compiler.

A kind of step has a function in `STEPS`; a new one is added there, and nothing else need be changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from hypothesis import assume
from hypothesis import strategies as st

from engine.journeys.plan import Plan
from engine.language.rules import Rules, compile_rules
from tests.own import LOYALTY
from tests.workflows.rules import HEAD, POLICY, TEMPLATES

DEEPEST = 3
HEADS = (
    HEAD,
    HEAD.replace("stop: ", "# "),
    HEAD + "goal: {event: order.paid, within: 30d}\n",
)
_OTHER = """
playbook: follow-up
title: Follow up
for: customer
start: {event: site.visit}
controls: {purpose: service}
steps: [{task: {team: support}}]
"""
_DURATIONS = st.sampled_from(["1s", "10m", "24h", "7d", "6mo", "120mo"])
_EVENTS = ("order.paid", "case.opened", "order.shipped")
_TRIGGERS = st.sampled_from([*({"event": event} for event in _EVENTS), {"when": {"tags": {"has_any": ["warm"]}}}])


@dataclass
class Writing:
    """A playbook being written, step by step in the order of the file."""

    draw: st.DrawFn
    taken: set[str] = field(default_factory=set)
    sends: list[str] = field(default_factory=list)
    """Sends above, which a condition may ask for."""
    calls: list[str] = field(default_factory=list)
    """Calls above, of which a condition may ask what was answered."""

    def block(self, depth: int) -> list[Any]:
        """A few steps, none of which comes after an end."""
        steps: list[Any] = []
        for _ in range(self.draw(st.integers(1, 4 if depth == 0 else 2))):
            kinds = [kind for kind in STEPS if depth < DEEPEST or kind not in NESTED]
            steps.append(STEPS[self.draw(st.sampled_from(kinds))](self, depth))
            if "end" in (steps[-1], *(steps[-1] if isinstance(steps[-1], dict) else ())):
                break
        return steps

    def named(self, **settings: Any) -> dict[str, Any]:
        """Settings of a step, with a name of its own or one that looks like a given one, or none."""
        name = self.draw(st.sampled_from(["", "", "first", "second", "call", "wait-1", "send-2", "if-1", "end-1"]))
        if not name or name in self.taken:
            return settings
        self.taken.add(name)
        return {"id": name, **settings}

    def condition(self, depth: int = 0) -> Any:
        """What the state decides, what the world decides, and both together."""
        forms: list[Callable[[], Any]] = [lambda: {"order.total": {"gte": "10 EUR"}}]
        if self.sends:
            outcomes = st.sampled_from(["sent", "skipped", "failed"])
            forms.append(lambda: {"step": self.draw(st.sampled_from(self.sends)), self.draw(outcomes): True})
        if self.calls:
            asked = st.sampled_from([{"done": True}, {"failed": False}, {"balance": {"gte": 500}}, {"level": "gold"}])
            forms.append(lambda: {"step": self.draw(st.sampled_from(self.calls)), **self.draw(asked)})
        if depth < 2:
            forms.append(lambda: {"not": self.condition(depth + 1)})
            forms.append(lambda: {"all": [self.condition(depth + 1), self.condition(depth + 1)]})
            forms.append(lambda: {"any": [self.condition(depth + 1), self.condition(depth + 1)]})
        return self.draw(st.sampled_from(forms))()


def _send(writing: Writing, depth: int) -> Any:
    channel = writing.draw(st.sampled_from(["email", ["email"], ["sms", "email"]]))
    settings = writing.named(channel=channel, template=writing.draw(st.sampled_from(["reminder", "hello"])))
    writing.sends += [settings["id"]] if "id" in settings else []
    return _with_blocks(writing, depth, {"send": settings}, ("on_failure",))


def _wait(writing: Writing, _depth: int) -> Any:
    length = writing.draw(_DURATIONS)
    since = writing.draw(st.sampled_from(["previous", "start"]))
    forms = [length, writing.named(**{"for": length, "since": since})]
    moment = {"date": "order.estimated_at", "offset": writing.draw(st.sampled_from(["-1d", "1d"]))}
    later = {"follow": writing.draw(st.booleans()), "if_past": writing.draw(st.sampled_from(["go", "skip", "end"]))}
    forms.append({"until": {**moment, **later}})
    return {"wait": writing.draw(st.sampled_from(forms))}


def _wait_for(writing: Writing, depth: int) -> Any:
    waited = {**writing.draw(_TRIGGERS), "within": writing.draw(_DURATIONS)}
    step = {"wait_for": writing.named(**waited)}
    return _with_blocks(writing, depth, step, ("got", "else"))


def _if(writing: Writing, depth: int) -> Any:
    step = {"if": writing.condition(), "then": writing.block(depth + 1)}
    return _with_blocks(writing, depth, step, ("else",))


def _switch(writing: Writing, depth: int) -> Any:
    cases = {name: writing.block(depth + 1) for name in writing.draw(st.sampled_from([("DE",), ("DE", "FR")]))}
    return _with_blocks(writing, depth, {"switch": writing.named(on="order.payment_method"), "cases": cases}, ("else",))


def _first(writing: Writing, depth: int) -> Any:
    triggers = writing.draw(st.lists(_TRIGGERS, min_size=1, max_size=3, unique_by=str))
    ways = [{**trigger, "then": writing.block(depth + 1)} for trigger in triggers]
    return _with_blocks(writing, depth, {"first": ways, "within": writing.draw(_DURATIONS)}, ("else",))


def _split(writing: Writing, depth: int) -> Any:
    name = f"wording-{len(writing.taken)}"
    writing.taken.add(name)
    arms = {arm: writing.block(depth + 1) for arm in ("short", "long")}
    return {"split": {"id": name, "shares": {"short": "30%", "long": "70%"}}, "arms": arms}


def _repeat(writing: Writing, depth: int) -> Any:
    settings = {"times": writing.draw(st.integers(1, 3)), "every": writing.draw(_DURATIONS)}
    until = {"until": writing.condition()} if writing.draw(st.booleans()) else {}
    return {"repeat": writing.named(**settings, **until), "steps": writing.block(depth + 1)}


def _parallel(writing: Writing, depth: int) -> Any:
    return {"parallel": {name: writing.block(depth + 1) for name in ("by-mail", "by-phone")}}


def _tag(writing: Writing, _depth: int) -> Any:
    kept = {"expires": writing.draw(_DURATIONS)} if writing.draw(st.booleans()) else {}
    return {"tag": writing.named(add="warm", **kept)}


def _call(writing: Writing, depth: int) -> Any:
    name = f"reward-{len(writing.taken)}"
    writing.taken.add(name)
    given = {"points": writing.draw(st.integers(1, 9)), "spent": {"attribute": "order.total"}}
    step = {"call": {"id": name, "activity": "loyalty-points", "with": given}}
    writing.calls.append(name)
    return _with_blocks(writing, depth, step, ("on_failure",))


def _webhook(writing: Writing, depth: int) -> Any:
    name = f"tell-{len(writing.taken)}"
    writing.taken.add(name)
    whom = writing.draw(st.sampled_from([{"to": "crm"}, {"url": "https://crm.example.com/hook"}]))
    body = {"body": {"what": "unpaid", "spent": {"attribute": "order.total"}}} if writing.draw(st.booleans()) else {}
    return _with_blocks(writing, depth, {"webhook": {"id": name, **whom, **body}}, ("on_failure",))


def _update(writing: Writing, _depth: int) -> Any:
    return {"update": writing.named(set={"source": writing.draw(st.sampled_from(["told", None]))})}


def _coupon(writing: Writing, depth: int) -> Any:
    expires = writing.draw(st.sampled_from([{}, {"expires": "14d"}]))
    return _with_blocks(writing, depth, {"coupon": writing.named(pool="comeback", **expires)}, ("on_failure",))


def _points(writing: Writing, depth: int) -> Any:
    ways: list[dict[str, Any]] = [
        {"add": 5},
        {"add": {"of": "order.total", "per": "1 EUR"}, "pending": "14d"},
        {"take": 3},
        {"reverse": "refunded"},
    ]
    return _with_blocks(
        writing, depth, {"points": writing.named(**writing.draw(st.sampled_from(ways)))}, ("on_failure",)
    )


def _start(writing: Writing, _depth: int) -> Any:
    return {"start": writing.named(playbook="follow-up")}


def _with_blocks(writing: Writing, depth: int, step: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names if depth < DEEPEST else ():
        if writing.draw(st.booleans()):
            step[name] = writing.block(depth + 1)
    return step


def _task(writing: Writing, _depth: int) -> Any:
    due = {"due": writing.draw(_DURATIONS)} if writing.draw(st.booleans()) else {}
    return {"task": writing.named(team="sales", **due)}


def _end(writing: Writing, _depth: int) -> Any:
    return writing.draw(st.sampled_from(["end", {"end": {"outcome": "warm"}}]))


STEPS: dict[str, Callable[[Writing, int], Any]] = {
    "send": _send,
    "wait": _wait,
    "wait_for": _wait_for,
    "if": _if,
    "task": _task,
    "end": _end,
    "switch": _switch,
    "first": _first,
    "split": _split,
    "repeat": _repeat,
    "parallel": _parallel,
    "tag": _tag,
    "call": _call,
    "webhook": _webhook,
    "update": _update,
    "coupon": _coupon,
    "points": _points,
    "start": _start,
}
NESTED = ("wait_for", "if", "switch", "first", "split", "repeat", "parallel")


@st.composite
def playbooks(draw: st.DrawFn) -> Plan:
    """The plan of any playbook that `check` accepts."""
    return compiled(draw(st.sampled_from(HEADS)), Writing(draw).block(0))


def compiled(head: str, steps: list[Any]) -> Plan:
    """The plan of these steps; an example that `check` would refuse is given up."""
    rules = rules_of(head, steps)
    assume(rules.sound)
    return rules.plans["payment-reminder"]


def rules_of(head: str, steps: list[Any]) -> Rules:
    """Rules with a playbook of these steps."""
    written = yaml.safe_dump({"steps": steps}, sort_keys=False)
    tags = "tags: {warm: {title: Warm, by_hand: true}}"
    return compile_rules(
        {
            "policy.yaml": POLICY,
            "tags.yaml": tags,
            "coupons.yaml": "coupons: {comeback: {title: Come back, expires: 7d}}",
            **LOYALTY,
            "playbooks/playbook.yaml": head + written,
            "playbooks/follow-up.yaml": _OTHER,
            **TEMPLATES,
        }
    )
