"""Conditions: the one grammar of questions, from located YAML to the tree of `engine.conditions.ast`.

A mapping of several entries, and a list of conditions, mean that all of them hold.
"""

from collections.abc import Mapping as Dictionary
from typing import get_args

from pydantic import Field

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, Operator, StepIs, money
from engine.conditions.expression import DEEPEST
from engine.conditions.types import Type
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.operands import amount, listed, operand
from engine.language.scope import ALL_SCOPES, Names, Scope, Typed, fields, output_name
from engine.language.sense.constant import check_constant
from engine.language.validate import mapping, validate
from engine.language.values import CONDITION_WORDS, DurationText, EventPart, WherePart

_ORDERED: tuple[str, ...] = ("lt", "lte", "gt", "gte")
_KNOWING: tuple[str, ...] = ("known", "unknown")
_LISTING: tuple[str, ...] = ("in", "not_in")
OPERATORS: Dictionary[Type, tuple[str, ...]] = {
    "integer": ("eq", *_ORDERED, *_LISTING, *_KNOWING),
    "decimal": ("eq", *_ORDERED, *_LISTING, *_KNOWING),
    "boolean": ("eq", *_KNOWING),
    "string": ("eq", *_LISTING, *_KNOWING),
    "instant": ("eq", *_ORDERED, *_KNOWING),
    "date": ("eq", *_ORDERED, *_LISTING, *_KNOWING),
    "set": ("has_any", "has_all", "has_none", *_KNOWING),
    "money": ("eq", *_ORDERED, *_KNOWING),
}
_DECLARED_IN = {
    "stage": "there is no lifecycle.yaml",
    **dict.fromkeys(("tier", "tier_ends_at"), "there is no tiers.yaml"),
    **dict.fromkeys(("rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary"), "there is no rfm.yaml"),
}
STATES: tuple[str, ...] = tuple(
    state for state in get_args(StepIs.model_fields["state"].annotation) if state not in ("done", "closed", "redeemed")
)
"""What can have become of a message."""
CALL_STATES = ("done", "skipped", "failed")
"""What can have become of a step that calls something."""
COUPON_STATES = (*CALL_STATES, "redeemed")
"""What can have become of a step that gives a coupon."""
TASK_STATES = ("closed",)
"""What can have become of a step that opens a task."""
_OTHER_SPELLINGS = {
    "==": "eq", "=": "eq", "is": "eq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "min": "gte", "max": "lte",
    "more_than": "gt", "less_than": "lt", "at_least": "gte", "at_most": "lte", "has": "has_any", "contains": "has_any",
    "le": "lte", "ge": "gte", "nin": "not_in",
}  # fmt: skip
_NEGATIONS = frozenset({"ne", "neq", "!=", "is_not", "not_eq"})


class DidModel(Model):
    """Whether the customer had events of a kind, by the facts known as of the instant of asking."""

    event: EventPart = Field(description="The kind of event.")
    where: WherePart = Field(default=None, description="Only events of which this holds.")
    within: DurationText | None = Field(default=None, description="Only events of the last so long; default: ever.")
    times: int = Field(default=1, description="At least so often.", json_schema_extra={"minimum": 1})


def compile_condition(node: Node, scope: Scope, report: Report) -> Condition | None:
    """Reads a condition.

    Args:
        node: The located condition.
        scope: The names that may be used.
        report: Gets every issue.

    Returns:
        The tree, or None if there were errors.
    """
    before, told = report.faults, len(report.issues)
    parts = _parts(node, scope, report)
    if report.faults > before:
        return None
    condition = parts[0] if len(parts) == 1 else All(parts=tuple(parts))
    if _levels(condition) > DEEPEST:
        report.error("RG105", node.span, f"a condition of more than {DEEPEST} levels", "a flatter one", "simplify it")
        return None
    check_constant(condition, scope.names, node.span, report, told)
    return None if report.faults > before else condition


def _levels(condition: Condition) -> int:
    """How deep a condition is nested; that of a `where` is counted by itself."""
    match condition:
        case All(parts=parts) | Any(parts=parts):
            return 1 + max(map(_levels, parts), default=0)
        case Not(part=part):
            return 1 + _levels(part)
        case _:
            return 0


def _parts(node: Node, scope: Scope, report: Report) -> list[Condition]:
    """The conditions that must all hold; what is wrong is reported and left out."""
    match node:
        case Sequence(items=items):
            return _each(items, scope, report)
        case Mapping(entries=()):
            report.error("RG211", node.span, "an empty mapping", "a condition such as {country: DE}")
            return []
        case Mapping(entries=entries) if node.entry("step"):
            return _step(node, scope, report)
        case Mapping(entries=entries):
            alone = len(entries) == 1
            return [part for entry in entries for part in _sensible(entry, scope, report, alone=alone)]
        case _:
            hint = f"write {{{node.text}: true}}" if isinstance(node.value, str) and node.text in scope.bare else ""
            report.error("RG203", node.span, found(node), "a condition such as {country: DE}, or a list of them", hint)
            return []


def _each(items: tuple[Node, ...], scope: Scope, report: Report) -> list[Condition]:
    return [part for item in items if (part := compile_condition(item, scope, report)) is not None]


def _sensible(entry: Entry, scope: Scope, report: Report, *, alone: bool) -> list[Condition]:
    """One entry of several; that it is constant is told at its own place."""
    before, told = report.faults, len(report.issues)
    parts = _entry(entry, scope, report)
    if parts and not alone and report.faults == before:
        check_constant(
            parts[0] if len(parts) == 1 else All(parts=tuple(parts)), scope.names, entry.value.span, report, told
        )
    return parts


def _entry(entry: Entry, scope: Scope, report: Report) -> list[Condition]:
    match entry.key:
        case "all" | "any":
            return _group(entry, scope, report)
        case "not":
            inner = compile_condition(entry.value, scope, report)
            return [] if inner is None else [Not(part=inner)]
        case "did" | "did_not":
            return _did(entry, scope, report)
        case _:
            typed = typed_name(entry, scope, report)
            return [] if typed is None else _comparison(entry, typed, report)


def _group(entry: Entry, scope: Scope, report: Report) -> list[Condition]:
    items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    if not items:
        report.error("RG211", entry.value.span, "an empty list", "at least one condition")
    parts = tuple(_each(items, scope, report))
    return [All(parts=parts) if entry.key == "all" else Any(parts=parts)]


def _did(entry: Entry, scope: Scope, report: Report) -> list[Condition]:
    if scope.events is None:
        report.error("RG303", entry.span, entry.key, f"{scope.what}: events cannot be asked for here")
        return []
    node = mapping(entry.value, report, "an event, such as {event: order.paid, within: 60d}", entry.span)
    if node is None:
        return []
    model = validate(DidModel, node, report, at=entry.span)
    event = event_kind(node, scope.events, report)
    times, where = node.get("times"), node.get("where")
    if isinstance(times, Scalar) and isinstance(times.value, int) and times.value < 1:
        report.error("RG209", times.span, found(times), "at least once", "for never, write did_not")
    if event is None:
        return []
    inside = fields(f"a field of {event}", scope.events[event])
    condition = compile_condition(where, inside, report) if where is not None else None
    if model is None:
        return []
    within = None if model.within is None else model.within.seconds
    did = Did(event=event, where=condition, within_seconds=within, times=max(model.times, 1))
    return [did if entry.key == "did" else Not(part=did)]


def event_kind(node: Mapping, events: Dictionary[str, object], report: Report) -> str | None:
    """The kind of event that a trigger's or did's `event:` names, or None and an issue."""
    named = node.get("event")
    if isinstance(named, Scalar) and named.text in events:
        return named.text
    if named is not None:
        hint = did_you_mean(named.text, events) if isinstance(named, Scalar) else ""
        report.error("RG302", named.span, found(named), f"a kind of event, such as {one_of(sorted(events), 4)}", hint)
    return None


def _step(node: Mapping, scope: Scope, report: Report) -> list[Condition]:
    """`{step: first, sent: true}`."""
    named = node.get("step")
    name = named.text if isinstance(named, Scalar) else ""
    known = [step for step, place in scope.steps.items() if place < scope.before]
    if named is not None and name not in known:
        late = name in scope.steps
        hint = "it comes later in the playbook" if late else did_you_mean(name, known)
        expected = (
            f"an earlier send, call or task: {one_of(known)}" if known else "a step before this place: there is none"
        )
        report.error("RG308", named.span, found(named), expected, hint)
    parts: list[Condition] = []
    answered = scope.outputs.get(name)
    states = scope.states.get(name) or (STATES if answered is None else CALL_STATES)
    askable = (*states, *(answered or ()))
    for entry in node:
        if entry.key in states:
            parts += _step_state(entry, name, report)
        elif answered and entry.key in answered:
            parts += _comparison(
                Entry(output_name(name, entry.key), entry.span, entry.value), answered[entry.key], report
            )
        elif entry.key != "step" and not (named is not None and name not in known and entry.key == "done"):
            report.error("RG201", entry.span, entry.key, one_of(askable, 12), did_you_mean(entry.key, askable))
    if len(node.entries) == 1:
        report.error("RG202", node.span, "only the step's name", f"what became of it: {one_of(askable, 12)}")
    return parts


def _step_state(entry: Entry, step: str, report: Report) -> list[Condition]:
    value = entry.value.value if isinstance(entry.value, Scalar) else None
    if not isinstance(value, bool):
        report.error("RG401", entry.value.span, found(entry.value), "true or false")
        return []
    return [StepIs.model_validate({"step": step, "state": entry.key, "is": value})]


def typed_name(entry: Entry, scope: Scope, report: Report) -> Typed | None:
    """What the name of a comparison stands for, or None and an issue."""
    head, dot, tail = entry.key.partition(".")
    if not dot:
        return _bare(entry, scope, report)
    if head in scope.scoped:
        return _in_names(entry, tail, scope.scoped[head], f"{head}.", report)
    if head in ALL_SCOPES:
        here = one_of([f"{name}." for name in scope.scoped]) or "no scope"
        report.error("RG311", entry.span, entry.key, f"names of this place: {here} and bare names")
        return None
    return _bare(entry, scope, report)


def _bare(entry: Entry, scope: Scope, report: Report) -> Typed | None:
    if scope.disables(entry.key):
        report.warning(
            "RG313", entry.span, entry.key, "a sound attribute", "correct it first: it has errors of its own"
        )
        return None
    if entry.key not in scope.bare:
        words = [*scope.bare, *(CONDITION_WORDS if scope.events is not None else ("all", "any", "not"))]
        hint = _DECLARED_IN.get(entry.key, "") if scope.events is not None else ""
        hint = hint or did_you_mean(entry.key, words) or _scoped_hint(entry.key, scope)
        report.error(scope.code, entry.span, entry.key, _listing(scope), hint)
        return None
    return scope.bare[entry.key]


def _listing(scope: Scope) -> str:
    own = [name for name, typed in scope.bare.items() if not typed.of_standing]
    return scope.what if len(own) > 12 or not own else f"{scope.what}: {one_of(own, 12)}"


def _scoped_hint(name: str, scope: Scope) -> str:
    owner = next((head for head, names in scope.scoped.items() if name in names), None)
    return f"did you mean {owner}.{name}?" if owner else ""


def _in_names(entry: Entry, name: str, names: Names, prefix: str, report: Report) -> Typed | None:
    if name in names:
        return names[name]
    hint = did_you_mean(name, names).replace("mean ", f"mean {prefix}")
    report.error("RG303", entry.span, entry.key, f"a field of {prefix[:-1]}: {one_of(names, 12)}", hint)
    return None


def _comparison(entry: Entry, typed: Typed, report: Report) -> list[Condition]:
    """`name: value`, `name: [values]` or `name: {operator: operand, ...}`."""
    match entry.value:
        case Mapping(entries=()):
            report.error("RG211", entry.value.span, "an empty mapping", f"an operator: {one_of(OPERATORS[typed.type])}")
            return []
        case Mapping(entries=operators):
            return [part for each in operators for part in _operator(entry.key, each, typed, report)]
        case Scalar(value=None):
            hint = f"to ask whether it is unknown, write {{{entry.key}: {{unknown: true}}}}"
            report.error("RG401", entry.span, "nothing", "a value to compare with", hint)
            return []
        case Sequence():
            bare = "has_any" if typed.type == "set" else "in"
        case _:
            bare = "has_any" if typed.type == "set" else "eq"
    if bare not in OPERATORS[typed.type]:
        _unfit(entry.key, entry.value, "a list", typed, report)
        return []
    return _compare(entry.key, bare, entry.value, typed, report)


def _operator(name: str, entry: Entry, typed: Typed, report: Report) -> list[Condition]:
    allowed = OPERATORS[typed.type]
    if entry.key in allowed:
        return _compare(name, entry.key, entry.value, typed, report)
    known = {operator for operators in OPERATORS.values() for operator in operators}
    if entry.key in known:
        report.error("RG402", entry.span, entry.key, f"{one_of(allowed)}: {name} is of type {typed.type}", "")
    elif entry.key in _NEGATIONS:
        report.error("RG201", entry.span, entry.key, f"an operator: {one_of(allowed)}", f"write not: {{{name}: …}}")
    else:
        spelled = _OTHER_SPELLINGS.get(entry.key)
        hint = f"did you mean {spelled}?" if spelled in allowed else did_you_mean(entry.key, allowed)
        report.error("RG201", entry.span, entry.key, f"an operator: {one_of(allowed)}", hint)
    return []


def _unfit(name: str, node: Node, what: str, typed: Typed, report: Report) -> None:
    allowed = one_of(OPERATORS[typed.type])
    report.error("RG402", node.span, what, f"one value, or {allowed}: {name} is of type {typed.type}")


def _compare(name: str, operator: str, node: Node, typed: Typed, report: Report) -> list[Condition]:
    """One comparison; empty and an issue if its operand is wrong."""
    checked: Operator = operator  # type: ignore[assignment]  # callers take it from OPERATORS
    if operator in _KNOWING:
        return _knowing(name, operator, node, report)
    if typed.type == "money":
        return _money(name, checked, node, report)
    if operator in _LISTING or typed.type == "set":
        items = node.items if isinstance(node, Sequence) else (node,)
        if not items:
            report.error("RG211", node.span, "an empty list", "at least one value")
        read = [listed(item, operand(item, name, typed, report), typed, report) for item in items]
        sound = tuple(dict.fromkeys(value for value in read if value is not None))
        return [Compare(name=name, operator=checked, operands=sound)] if sound else []
    value = listed(node, operand(node, name, typed, report), typed, report)
    return [] if value is None else [Compare(name=name, operator=checked, operand=value)]


def _knowing(name: str, operator: str, node: Node, report: Report) -> list[Condition]:
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, bool):
        report.error("RG401", node.span, found(node), "true or false")
        return []
    asked: Operator = "known" if (operator == "known") == value else "unknown"
    return [Compare(name=name, operator=asked)]


def _money(name: str, operator: Operator, node: Node, report: Report) -> list[Condition]:
    """A threshold, or one for each currency; nothing is nothing in every currency."""
    if isinstance(node, Scalar) and node.value == 0 and not isinstance(node.value, bool):
        return [Compare(name=name, operator=operator, operand=0)]
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.error("RG211", node.span, "an empty list", "an amount for each currency")
    read = [amount(item, name, report) for item in items]
    amounts = tuple(each for each in read if each is not None)
    seen: set[str] = set()
    for item, each in zip(items, read, strict=True):
        if each is not None and each.currency in seen:
            report.error("RG405", item.span, found(item), "one amount for each currency")
        seen.update({each.currency} if each else ())
    return [Compare(name=name, operator=operator, amounts=money(amounts))] if amounts else []
