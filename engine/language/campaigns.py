"""Campaigns: waves of messages to an audience. Read and checked; this version does not yet run them."""

from typing import Literal

from pydantic import Field

from engine.language.conditions import compile_condition
from engine.language.issues import Report, Span
from engine.language.located import Mapping, Node, Scalar, Sequence, found, is_nothing
from engine.language.model import Model
from engine.language.operands import operand
from engine.language.playbooks import Surroundings, check_purpose
from engine.language.scope import Typed
from engine.language.standing.compile import uses_of, warn_of
from engine.language.standing.parts import part_of
from engine.language.steps.send import check_channels, compile_template
from engine.language.validate import validate
from engine.language.values import InstantPart, Name, Names, Percent, StandingPart, TemplatePart, Text


class WaveModel(Model):
    """One wave: when, by which channel, and with what text."""

    id: Name = Field(description="The wave's name: preheat, opening, last-call.")
    at: InstantPart = Field(description='When it begins: "2026-11-27T08:00:00Z".')
    channel: Names = Field(description="The channel, or several: the first that can reach the customer is used.")
    template: TemplatePart = Field(description="The template, or one for each group.")
    only_if: StandingPart = Field(default=None, description="Only to those for whom this holds at that time.")


class CapacityOfCampaign(Model):
    """How much support and logistics bear."""

    per_hour: int | None = Field(default=None, ge=1, description="At most so many messages an hour.")
    per_day: int | None = Field(default=None, ge=1, description="At most so many a day.")


class CampaignControls(Model):
    """Why messages are sent, and who gets none to compare with."""

    purpose: Name = Field(default="marketing", description="A purpose of policy.yaml.")
    holdout: Percent = Field(default=0, description="Share of the audience that gets nothing.")


class CampaignModel(Model):
    """A campaign."""

    campaign: Name = Field(description="The name.")
    title: Text = Field(description="The name for people.")
    description: Text | None = Field(default=None, description="What it is for.")
    status: Literal["draft", "live", "paused"] = Field(default="live", description="draft and paused send nothing.")
    audience: StandingPart = Field(description="Who gets it.")
    freeze: Literal["first", "each"] = Field(
        default="first", description="Whether the audience is taken at the first wave, or at each."
    )
    waves: list[WaveModel] = Field(description="The waves, in the order of time.")
    capacity: CapacityOfCampaign | None = Field(default=None, description="How much support and logistics bear.")
    drop_when: StandingPart = Field(default=None, description="Who gets no further wave.")
    controls: CampaignControls = Field(default_factory=CampaignControls, description="Purpose and holdout.")


def check_campaign(root: Mapping, around: Surroundings, report: Report) -> None:
    """Checks a campaign, and refuses it by name."""
    named = root.entry("campaign")
    at = named.span if named else root.entries[0].span
    name = named.value.text if named and isinstance(named.value, Scalar) else report.file
    with part_of(report, f"campaign {name}"):
        validate(CampaignModel, root, report, at=at)
        for key in ("audience", "drop_when"):
            _ask(root.get(key), around, report)
        waves = root.get("waves")
        _check_waves(waves, around, report)
        check_purpose(root, at, around.policy, report)
        warn_of([use for use in uses_of(root) if around.disables(use[0])], report)
        report.error("RG501", at, f"the campaign {name}", "a playbook", "it is planned")


def _ask(node: Node | None, around: Surroundings, report: Report) -> None:
    if node is not None and not is_nothing(node):
        compile_condition(node, around.scope, report)


def _check_waves(waves: Node | None, around: Surroundings, report: Report) -> None:
    if isinstance(waves, Sequence) and not waves.items:
        report.error("RG211", waves.span, "an empty list", "at least one wave")
    before = ""
    seen: dict[str, Span] = {}
    for wave in waves.items if isinstance(waves, Sequence) else ():
        if not isinstance(wave, Mapping):
            continue
        _check_id(wave, seen, report)
        before = _check_at(wave.get("at"), before, report)
        _ask(wave.get("only_if"), around, report)
        if around.policy and (channel := wave.entry("channel")):
            check_channels(around.policy, channel, report)
        compile_template(wave, around.scope, around.policy, around.templates, report)


def _check_id(wave: Mapping, seen: dict[str, Span], report: Report) -> None:
    own = wave.get("id")
    if isinstance(own, Scalar) and own.text in seen:
        hint = f"it is first given in line {seen[own.text].line}"
        report.error("RG309", own.span, own.text, "each wave's id once", hint)
    elif isinstance(own, Scalar):
        seen[own.text] = own.span


def _check_at(node: Node | None, before: str, report: Report) -> str:
    if node is None or is_nothing(node):
        return before
    instant = operand(node, "at", Typed("instant"), report)
    if isinstance(instant, str) and instant <= before:
        report.error("RG209", node.span, found(node), "a wave later than the one before it")
    return instant if isinstance(instant, str) else before
