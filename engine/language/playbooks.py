"""Playbooks: from a file's tree to the flat plan that journeys carry."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from pydantic import Field

from engine.attributes.relations import RELATIONS, SCOPES
from engine.journeys.plan import (
    CalendarTrigger,
    ChangeTrigger,
    Controls,
    End,
    EventTrigger,
    Goal,
    Plan,
    Start,
    Step,
    Trigger,
)
from engine.language.attributes import PRODUCT_NAMES, row_names
from engine.language.conditions import compile_condition
from engine.language.edits import check_edits
from engine.language.issues import Report, Span, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Scalar
from engine.language.model import Model
from engine.language.own import NO_ACTIVITIES, OwnActivities
from engine.language.pools import Pools
from engine.language.scope import SUBJECT_SCOPES, Names, Scope
from engine.language.standing.compile import uses_of, warn_of
from engine.language.standing.words import check_keywords
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context
from engine.language.steps.numbering import Numbering, number
from engine.language.steps.registry import KINDS
from engine.language.triggers import (
    Events,
    GoalModel,
    StartModel,
    TriggerModel,
    compile_start_triggers,
    compile_triggers,
    trigger_part,
)
from engine.language.validate import validate
from engine.language.values import GoalPart, Name, Percent, StartPart, StepsPart, StopPart, Text
from engine.policy import Policy

RESERVED = frozenset(
    {"apply", "campaign", "edits", "evaluate", "journey", "mass-action", "migrate", "publish", "replay"}
)
"""Names of typed workflows, now or planned: a playbook's name is its workflow's type."""
RESERVED_PREFIXES = ("regulars-", "temporal-")
DEFAULT_PURPOSE = "marketing"


class ControlsModel(Model):
    """How journeys behave beside their steps."""

    purpose: Name = Field(default=DEFAULT_PURPOSE, description="Why messages are sent: a purpose of policy.yaml.")
    holdout: Percent = Field(
        default=0,
        description="Share of customers who get nothing of it, to measure the effect against.",
    )
    edits: Literal["pin", "migrate", "drain"] = Field(
        default="pin",
        description=(
            "What becomes of journeys under way when this version comes into force. pin: they go on by the version"
            " they began with. migrate: they go on by this one, at the step of the same id. drain: they end."
        ),
    )


class PlaybookModel(Model):
    """A playbook: what starts a journey, what stops it, what it is for, and its steps."""

    playbook: Name = Field(description="The name, which is the workflow type in Temporal.")
    title: Text = Field(description="The name for people.")
    description: Text | None = Field(default=None, description="What it is good for.")
    for_: Literal["customer", "order", "shipment", "case"] = Field(
        alias="for", description="Whom or what each journey is for."
    )
    status: Literal["draft", "test", "live", "paused"] = Field(
        default="live", description="test: sends only to the policy's test recipients; draft and paused start nothing."
    )
    start: StartPart = Field(description="What starts a journey.")
    stop: StopPart = Field(default=None, description="What ends a journey at once, wherever it is.")
    goal: GoalPart = Field(default=None, description="What the playbook is for; measured, also after the end.")
    controls: ControlsModel = Field(default_factory=ControlsModel, description="Purpose, holdout, edits.")
    moves: dict[Name, Name] = Field(
        default_factory=dict,
        description=(
            "With edits: migrate, of steps that this version no longer has: the step where journeys that stand there"
            " go on, or end."
        ),
    )
    steps: StepsPart = Field(description="What happens, step by step.")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all playbooks share. `scope` has the customer's names, `disables` tells parts of standing with errors."""

    scope: Scope
    disables: Callable[[str], bool]
    events: Events
    policy: Policy | None
    templates: frozenset[str]
    playbooks: dict[str, str] = field(default_factory=dict)
    """Subjects of all playbooks by name, sound or not."""
    pools: Pools | None = None
    """Pools of coupons; None if they are not all known."""
    causes: dict[str, list[tuple[Span, Step, Report]]] = field(default_factory=dict)
    """Steps of each playbook that may start another, and where they stand."""
    words: frozenset[str] | None = None
    """Names of word lists; None if they are not all known."""
    own: OwnActivities = NO_ACTIVITIES


def compile_playbook(root: Mapping, around: Surroundings, report: Report) -> Plan | None:
    """Reads a playbook; None if it has errors."""
    named = root.entry("playbook")
    at = named.span if named else root.span
    before = report.faults
    model = validate(PlaybookModel, root, report, at=at)
    if named:
        check_name(named, report)
    subject = _subject(root)
    events, scope = around.events, _scope(subject, around)
    start = _start(root, subject, scope, events, report)
    stop = _stop(root, subject, scope, events, report)
    goal = _goal(root, subject, scope, events, report)
    check_purpose(root, at, around.policy, report)
    if model is not None:
        check_holdout(root, model.controls, around.policy, report)
    code, causes, numbering = _code(root.entry("steps"), subject, _in_steps(scope, start, events), around, report)
    if model is not None and numbering is not None:
        check_edits(root, model.controls.edits, numbering, report)
    if named and isinstance(named.value, Scalar):
        around.causes.setdefault(named.value.text, []).extend((at, step, report) for at, step in causes)
    warn_of([use for use in uses_of(root) if around.disables(use[0])], report)
    if around.words is not None:
        check_keywords(root, around.words, report)
    if around.policy is None:
        report.warning("RG313", at, "policy.yaml", "a sound policy", "correct it first: it has errors of its own")
    if model is None or start is None or report.faults > before:
        return None
    controls = Controls(purpose=model.controls.purpose, holdout=model.controls.holdout, edits=model.controls.edits)
    return Plan(
        playbook=model.playbook,
        title=model.title,
        subject=model.for_,
        status=model.status,
        start=start,
        stop=stop,
        goal=goal,
        controls=controls,
        moves=model.moves,
        code=code,
    )


def _subject(root: Mapping) -> str:
    """Whom it is for; `any` if that is not yet said, so that one slip does not make every scope an error."""
    node = root.get("for")
    return node.text if isinstance(node, Scalar) and node.text in SUBJECT_SCOPES else "any"


def _scope(subject: str, around: Surroundings) -> Scope:
    heads = SUBJECT_SCOPES.get(subject, tuple(SCOPES))
    scoped = {head: row_names(RELATIONS[SCOPES[head]]) for head in heads}
    if "order" in heads:
        scoped["product"] = PRODUCT_NAMES
    return replace(around.scope, scoped=scoped)


def _in_steps(scope: Scope, start: Start | None, events: Events) -> Scope:
    """In steps the fields of the event that started the journey have names too: those that all such events share."""
    kinds = {each.event for each in start.any if isinstance(each, EventTrigger)} if start else set()
    offered = [events.fields.get(kind, {}) for kind in sorted(kinds)]
    if not offered:
        return scope
    shared = {
        name: typed
        for name, typed in offered[0].items()
        if all(name in other and other[name].type == typed.type for other in offered[1:])
    }
    return replace(scope, scoped={**scope.scoped, "trigger": shared})


def check_name(named: Entry, report: Report) -> None:
    """The name of a playbook or campaign must be that of no workflow of the engine's own."""
    name = named.value.text if isinstance(named.value, Scalar) else ""
    if name in RESERVED or name.startswith(RESERVED_PREFIXES):
        report.error(
            "RG310",
            named.value.span,
            name,
            "a name that is no workflow of the engine's own",
            f"say whom it is for: order-{name}",
        )


def _start(root: Mapping, subject: str, scope: Scope, events: Events, report: Report) -> Start | None:
    entry = root.entry("start")
    if entry is None:
        return None
    holder, model = trigger_part(StartModel, entry.value, report, entry.span)
    any_of = () if holder is None else compile_start_triggers(holder, subject, events, scope, report, entry.span)
    _check_of_customer(any_of, subject, entry, report)
    only_if = holder.get("only_if") if holder else None
    condition = compile_condition(only_if, scope, report) if only_if is not None else None
    if model is None or not any_of:
        return None
    max_age = None if model.max_age is None else model.max_age.seconds
    once_per = None if model.once_per is None else model.once_per.seconds
    return Start(any=any_of, only_if=condition, max_age=max_age, once_per=once_per)


def _check_of_customer(
    any_of: tuple[Trigger | CalendarTrigger, ...], subject: str, start: Entry, report: Report
) -> None:
    """What happens to a customer alone starts nothing for an order."""
    if subject in ("customer", "any"):
        return
    expected = "a playbook for customer, or an event that starts it"
    if any(isinstance(each, ChangeTrigger) for each in any_of):
        report.error("RG314", start.span, f"a change of the customer's standing, for each {subject}", expected)
    if any(isinstance(each, CalendarTrigger) for each in any_of):
        report.error("RG314", start.span, f"a day of the customer's calendar, for each {subject}", expected)


def _stop(root: Mapping, subject: str, scope: Scope, events: Events, report: Report) -> tuple[Trigger, ...]:
    entry = root.entry("stop")
    if entry is None:
        return ()
    holder, _ = trigger_part(TriggerModel, entry.value, report, entry.span)
    return _triggers(holder, subject, scope, events, report, entry.span)


def _goal(root: Mapping, subject: str, scope: Scope, events: Events, report: Report) -> Goal | None:
    entry = root.entry("goal")
    if entry is None:
        return None
    holder, model = trigger_part(GoalModel, entry.value, report, entry.span)
    any_of = _triggers(holder, subject, scope, events, report, entry.span)
    return Goal(any=any_of, within=model.within.seconds, ends=model.ends) if model and any_of else None


def _triggers(
    holder: Mapping | None, subject: str, scope: Scope, events: Events, report: Report, at: Span
) -> tuple[Trigger, ...]:
    return () if holder is None else compile_triggers(holder, subject, events, scope, report, at)


def check_purpose(root: Mapping, at: Span, policy: Policy | None, report: Report) -> None:
    """The purpose, given or default, must be one of policy's."""
    controls = root.get("controls")
    node = controls.get("purpose") if isinstance(controls, Mapping) else None
    if policy is None or (node is not None and not isinstance(node, Scalar)):
        return
    name = node.text if node else DEFAULT_PURPOSE
    if name not in policy.purposes:
        listed = one_of(policy.purposes) or "none is in policy.yaml"
        hint = did_you_mean(name, policy.purposes) or ("" if node else "name one in controls: {purpose: …}")
        given = name if node else f"{name}, the default"
        report.error("RG307", node.span if node else at, given, f"a purpose of policy.yaml: {listed}", hint)


class HasHoldout(Protocol):
    """Controls of a playbook or of a campaign."""

    @property
    def purpose(self) -> str:
        """Why messages are sent."""
        ...

    @property
    def holdout(self) -> int:
        """In basis points."""
        ...


def check_holdout(root: Mapping, controls: HasHoldout, policy: Policy | None, report: Report) -> None:
    """What everybody must be told is kept from nobody, so a holdout of it would measure nothing."""
    holder = root.get("controls")
    node = holder.get("holdout") if isinstance(holder, Mapping) else None
    if node is not None and controls.holdout and policy and policy.transactional(controls.purpose):
        found = f"a holdout of messages with the purpose {controls.purpose}"
        report.error("RG209", node.span, found, "no holdout: this purpose asks for no consent, everybody gets it")


def _code(
    entry: Entry | None, subject: str, scope: Scope, around: Surroundings, report: Report
) -> tuple[tuple[Step, ...], list[tuple[Span, Step]], Numbering | None]:
    """The code, the steps that may start other playbooks, with their places, and all steps by name."""
    if entry is None:
        return (), [], None
    numbering = number(entry.value, KINDS, report)
    context = Context(
        subject=subject,
        scope=scope,
        events=around.events,
        policy=around.policy,
        templates=around.templates,
        kinds=KINDS,
        steps=numbering.places,
        ids=numbering.ids,
        sends=numbering.sends,
        report=report,
        playbooks=around.playbooks,
        own=around.own,
        outputs={step: _outputs(around.own, activity) for step, activity in numbering.calls.items()},
        tasks=numbering.tasks,
        coupons=numbering.coupons,
        pools=around.pools,
    )
    return _closed(compile_block(context, entry.value, 0, entry.span), numbering), context.causes, numbering


def _outputs(own: OwnActivities, activity: str) -> Names:
    declared = own.by_name.get(activity)
    return {} if declared is None else declared.outputs


def _closed(block: Block, numbering: Numbering) -> tuple[Step, ...]:
    """The code with an end, where one can be reached."""
    if not block.open:
        return block.code
    identity = "end" if "end" not in numbering.places else "end/last"
    return (*block.code, End(id=identity, label="the end"))
