"""What the world outside answers, from located YAML: `answers: {first: {clicked: +2d}, gift: {failed: pool_empty}}`."""

from collections.abc import Mapping as Dict

from engine.conditions.types import Value
from engine.journeys.plan import Call, Coupon, Instruction, Plan, Points, Send, Task, Webhook
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.validate import mapping
from engine.ruletests.moments import Moments
from engine.simulation.answers import Answer, Answers

RESPONSES = ("delivered", "opened", "clicked", "replied", "bounced", "complained", "unsubscribed")
ANSWERED: Dict[type[Instruction], tuple[str, ...]] = {
    Send: ("failed", *RESPONSES),
    Coupon: ("failed", "redeemed"),
    Task: ("failed", "closed"),
    Call: ("failed", "answer"),
    Webhook: ("failed",),
    Points: ("failed",),
}
"""What can be answered to each kind of step."""


def read_answers(node: Node, plans: Dict[str, Plan], moments: Moments, report: Report) -> Answers:
    """The answers, by step."""
    steps = {step.id: step for plan in plans.values() for step in plan.code if type(step) in ANSWERED}
    held = mapping(node, report, "answers by the step")
    answers = {}
    for entry in held or ():
        step = steps.get(entry.key)
        if step is None:
            report.error("RG308", entry.span, entry.key, one_of(sorted(steps), 12), did_you_mean(entry.key, steps))
        else:
            answers[entry.key] = _answer(entry, ANSWERED[type(step)], moments, report)
    return answers


def _answer(entry: Entry, known: tuple[str, ...], moments: Moments, report: Report) -> Answer:
    held = mapping(entry.value, report, one_of(known), entry.span)
    instants: dict[str, int] = {}
    failed, fields = None, {}
    for each in held or ():
        if each.key not in known:
            report.error("RG201", each.span, each.key, one_of(known), did_you_mean(each.key, known))
        elif each.key == "failed":
            failed = _text(each.value, "why, such as recipient_refused or retries_used_up", report)
        elif each.key == "answer":
            fields = _fields(each.value, report)
        elif (at := moments.read(each.value, report)) is not None:
            instants[each.key] = at
    redeemed, closed = instants.pop("redeemed", None), instants.pop("closed", None)
    return Answer(failed, instants, redeemed, closed, fields)


def _text(node: Node, expected: str, report: Report) -> str | None:
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.text:
        return node.text
    report.error("RG203", node.span, found(node), expected)
    return None


def _fields(node: Node, report: Report) -> dict[str, Value]:
    held = mapping(node, report, "fields of the activity's answer and their values")
    fields: dict[str, Value] = {}
    for each in held or ():
        if isinstance(each.value, Scalar) and isinstance(each.value.value, bool | int | str):
            fields[each.key] = each.value.value
        elif not isinstance(each.value, Mapping):
            report.error("RG203", each.value.span, found(each.value), "a text, a whole number, true or false")
    return fields
