"""Campaigns: waves of messages to an audience."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from engine.calendar.durations import Duration
from engine.conditions.ast import Condition
from engine.journeys.campaign import LAST_WAVE, Campaign, Wave
from engine.journeys.plan import Controls, TemplateBy
from engine.language.conditions import compile_condition
from engine.language.issues import Report, Span
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found, is_nothing
from engine.language.model import Model
from engine.language.operands import operand
from engine.language.playbooks import Surroundings, check_holdout, check_name, check_purpose
from engine.language.scope import Typed
from engine.language.standing.compile import uses_of, warn_of
from engine.language.standing.parts import part_of
from engine.language.steps.send import check_channels, compile_template
from engine.language.validate import validate
from engine.language.values import (
    DurationText,
    InstantPart,
    Name,
    Names,
    Percent,
    StandingPart,
    TemplatePart,
    Text,
)
from engine.language.words import name as in_words
from engine.policy import Capacity, Policy


class WaveModel(Model):
    """One wave: when, by which channel, and with what text."""

    id: Name = Field(description="The wave's name: preheat, opening, last-call.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    at: InstantPart = Field(description='When it begins: "2026-11-27T08:00:00Z".')
    within: DurationText | None = Field(
        default=None,
        description="So long a message that is held back may still be sent; default: until the next wave, of the last "
        "wave for seven days.",
    )
    channel: Names = Field(description="The channel, or several: the first that can reach the customer is used.")
    template: TemplatePart = Field(description="The template, or one for each group.")
    only_if: StandingPart = Field(default=None, description="Only to those for whom this holds when it is sent.")


class CapacityOfCampaign(Model):
    """How much support and logistics bear of this campaign; those of policy.yaml hold for it too."""

    per_hour: int | None = Field(default=None, ge=1, description="At most so many messages an hour.")
    per_day: int | None = Field(default=None, ge=1, description="At most so many a day.")


class CampaignControls(Model):
    """Why messages are sent, and who gets none to compare with."""

    purpose: Name = Field(default="marketing", description="A purpose of policy.yaml.")
    holdout: Percent = Field(default=0, description="Share of the audience that gets nothing.")


class CampaignModel(Model):
    """A campaign. It runs once: a name that has run is not run again."""

    campaign: Name = Field(description="The name, which names its messages and its workflow: campaign/NAME.")
    title: Text = Field(description="The name for people.")
    description: Text | None = Field(default=None, description="What it is for.")
    status: Literal["draft", "test", "live", "paused"] = Field(
        default="live",
        description="draft and paused send nothing; test: sends only to the policy's test recipients.",
    )
    audience: StandingPart = Field(description="Who gets it.")
    freeze: Literal["first", "each"] = Field(
        default="first", description="Whether the audience is taken at the first wave, or at each."
    )
    waves: list[WaveModel] = Field(description="The waves, in the order of time.")
    capacity: CapacityOfCampaign | None = Field(default=None, description="How much support and logistics bear.")
    drop_when: StandingPart = Field(default=None, description="Who gets no further wave.")
    controls: CampaignControls = Field(default_factory=CampaignControls, description="Purpose and holdout.")


def compile_campaign(root: Mapping, around: Surroundings, report: Report) -> tuple[Campaign, Capacity | None] | None:
    """Reads a campaign, and what it adds to the policy's capacities; None if it has errors."""
    named = root.entry("campaign")
    at = named.span if named else root.entries[0].span
    name = _text(named) or report.file
    before = report.faults
    with part_of(report, f"campaign {name}"):
        model = validate(CampaignModel, root, report, at=at)
        if named:
            _check_names(named, around, report)
        audience, drop_when = (_condition(root.get(key), around, report) for key in ("audience", "drop_when"))
        waves = _waves(root.get("waves"), model, around, report)
        check_purpose(root, at, around.policy, report)
        if model is not None:
            check_holdout(root, model.controls, around.policy, report)
        _check_capacity(root.entry("capacity"), name, around.policy, report)
        warn_of([use for use in uses_of(root) if around.disables(use[0])], report)
        if around.policy is None:
            report.warning("RG313", at, "policy.yaml", "a sound policy", "correct it first: it has errors of its own")
    if model is None or audience is None or report.faults > before:
        return None
    campaign = Campaign(
        name=model.campaign,
        title=model.title,
        status=model.status,
        audience=audience,
        freeze=model.freeze,
        waves=waves,
        drop_when=drop_when,
        controls=Controls(purpose=model.controls.purpose, holdout=model.controls.holdout),
    )
    bears = model.capacity
    own = (
        None if bears is None else Capacity(per_hour=bears.per_hour, per_day=bears.per_day, playbooks=(campaign.name,))
    )
    return campaign, own


def with_capacities(policy: Policy, capacities: dict[str, Capacity]) -> Policy:
    """The policy, with the capacities of campaigns among its own."""
    return policy.model_copy(update={"capacities": {**policy.capacities, **capacities}}) if capacities else policy


def _text(entry: Entry | None) -> str:
    return entry.value.text if entry and isinstance(entry.value, Scalar) else ""


def _check_names(named: Entry, around: Surroundings, report: Report) -> None:
    """Messages, holdouts and controls know both by their names alone."""
    check_name(named, report)
    name = _text(named)
    if name in around.playbooks:
        report.error("RG309", named.value.span, name, "a name that no playbook has", f"such as {name}-campaign")


def _check_capacity(entry: Entry | None, name: str, policy: Policy | None, report: Report) -> None:
    if entry is None or not isinstance(entry.value, Mapping):
        return
    if not entry.value.entries:
        report.error("RG202", entry.span, "neither per_hour nor per_day", "at least one of them")
    if policy and name in policy.capacities:
        report.error("RG309", entry.span, name, "a capacity that policy.yaml does not have", "name the campaign anew")


def _condition(node: Node | None, around: Surroundings, report: Report) -> Condition | None:
    return None if node is None or is_nothing(node) else compile_condition(node, around.scope, report)


def _waves(node: Node | None, model: CampaignModel | None, around: Surroundings, report: Report) -> tuple[Wave, ...]:
    """The waves, each with its end; none of them where one has errors."""
    if isinstance(node, Sequence) and not node.items:
        report.error("RG211", node.span, "an empty list", "at least one wave")
    before = ""
    seen: dict[str, Span] = {}
    read: list[tuple[Mapping, datetime | None, str | TemplateBy | None, Condition | None]] = []
    for wave in node.items if isinstance(node, Sequence) else ():
        if isinstance(wave, Mapping):
            _check_id(wave, seen, report)
            at = _at(wave.get("at"), before, report)
            before = at or before
            condition = _condition(wave.get("only_if"), around, report)
            if around.policy and (channel := wave.entry("channel")):
                check_channels(around.policy, channel, report)
            template = compile_template(wave, around.scope, around.policy, around.templates, report)
            read.append((wave, datetime.fromisoformat(at) if at else None, template, condition))
    if model is None or len(read) != len(model.waves):
        return ()
    starts = [at for _, at, _, _ in read if at is not None]
    waves = [
        _wave(each, at, template, condition)
        for each, (_, at, template, condition) in zip(model.waves, read, strict=True)
        if at is not None and template is not None
    ]
    ends = [*starts[1:], None]
    return tuple(
        wave.model_copy(update={"ends": _ends(wave.at, each.within, following)})
        for wave, each, following in zip(waves, model.waves, ends, strict=False)
    )


def _wave(model: WaveModel, at: datetime, template: str | TemplateBy, condition: Condition | None) -> Wave:
    return Wave(
        id=model.id,
        label=model.title or in_words(model.id),
        at=at,
        ends=at,
        channels=model.channel,
        template=template,
        only_if=condition,
    )


def _ends(at: datetime, within: Duration | None, following: datetime | None) -> datetime:
    """No wave goes on into the next one: nobody gets two at once."""
    own = at + (LAST_WAVE if within is None else timedelta(seconds=within.seconds))
    if following is None:
        return own
    return following if within is None else min(own, following)


def _check_id(wave: Mapping, seen: dict[str, Span], report: Report) -> None:
    own = wave.get("id")
    if isinstance(own, Scalar) and own.text in seen:
        hint = f"it is first given in line {seen[own.text].line}"
        report.error("RG309", own.span, own.text, "each wave's id once", hint)
    elif isinstance(own, Scalar):
        seen[own.text] = own.span


def _at(node: Node | None, before: str, report: Report) -> str:
    """The wave's instant as ISO 8601 in UTC; empty where it has none."""
    if node is None or is_nothing(node):
        return ""
    instant = operand(node, "at", Typed("instant"), report)
    if isinstance(instant, str) and instant <= before:
        report.error("RG209", node.span, found(node), "a wave later than the one before it")
    return instant if isinstance(instant, str) else ""
