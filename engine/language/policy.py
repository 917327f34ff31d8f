"""Policy: zones, quiet hours, purposes and channels, as written in `rules/policy.yaml`."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Mapping, Sequence, found
from engine.language.model import Model
from engine.language.policy_later import (
    LATER,
    LATER_OF_CHANNEL,
    BlackoutModel,
    CapacityModel,
    CapModel,
    Day,
    HoldModel,
    Hours,
    LimitModel,
    MassStartModel,
    PublicationModel,
    check_later,
)
from engine.language.scope import Scope
from engine.language.triggers_later import Weekday
from engine.language.validate import mapping, validate
from engine.language.values import Clock, Currency, DurationText, Locale, Name, Text, Zone
from engine.policy import Channel, MassStart, Policy, Publication, Purpose, QuietHours


def _runs(schema: dict[str, Any]) -> None:
    """Editors offer only what runs."""
    for key in (*LATER, *LATER_OF_CHANNEL):
        schema["properties"].pop(key, None)


class QuietHoursModel(Model):
    """When customers are left in peace, by their own clock."""

    start: Clock = Field(description='When the quiet begins: "21:00".')
    end: Clock = Field(description='When it ends: "08:00"; earlier than start, it is of the next morning.')
    spread: DurationText | None = Field(
        default=None, description="Held messages leave spread over so long after the end."
    )
    exempt: list[Name] = Field(default_factory=list, description="Purposes that may disturb.")


class PurposeModel(Model):
    """Why messages are sent, and what consent they need."""

    consent: Literal["opt_in", "opt_out", "none"] = Field(
        default="opt_in", description="opt_in: only with consent; opt_out: unless refused; none: always."
    )


class ChannelModel(Model):
    """How messages leave."""

    model_config = ConfigDict(json_schema_extra=_runs)

    provider: Name = Field(description="The provider that carries them: mailbox, smtp.")
    sender: Text | None = Field(default=None, description="Whom they come from.")
    in_doubt: Literal["hold", "resend"] = Field(
        default="hold", description="After a crash in mid-send: hold for a person, or send again and risk it twice."
    )
    limit: LimitModel | None = Field(default=None, description="How fast it may send.")


class PolicyModel(Model):
    """The shop's policy: it holds for every playbook."""

    model_config = ConfigDict(json_schema_extra=_runs)

    zone: Zone = Field(default="UTC", description="Time zone of customers whose own is unknown.")
    locale: Locale = Field(default="en", description="Language of customers whose own is unknown.")
    currency: Currency | None = Field(default=None, description="Reporting currency; default: each shop's own.")
    quiet_hours: QuietHoursModel | None = Field(default=None, description="When customers are left in peace.")
    purposes: dict[Name, PurposeModel] = Field(default_factory=dict, description="Purposes by name.")
    channels: dict[Name, ChannelModel] = Field(default_factory=dict, description="Channels by name.")
    priorities: list[Name] = Field(default_factory=list, description="Purposes: who goes first when room is short.")
    caps: list[CapModel] = Field(default_factory=list, description="How much one customer bears.")
    capacities: dict[Name, CapacityModel] = Field(default_factory=dict, description="How much teams and channels bear.")
    holidays: list[Day] = Field(default_factory=list, description="Days on which nobody works.")
    business_hours: Hours = Field(default_factory=dict, description="When the shop works, by weekday.")
    blackout: list[BlackoutModel] = Field(default_factory=list, description="Days on which nothing is sent.")
    weekdays: list[Weekday] = Field(default_factory=list, description="Days of the week on which messages are sent.")
    holds: list[HoldModel] = Field(default_factory=list, description="When a customer is left alone.")
    publication: PublicationModel | None = Field(default=None, description="When cut-offs are published again.")
    mass_start: MassStartModel | None = Field(default=None, description="When a person is asked first.")


class PolicyFile(Model):
    """The file of the policy."""

    policy: PolicyModel


def compile_policy(root: Mapping, scope: Scope, report: Report) -> Policy | None:
    """Reads the policy; None if it has errors."""
    report.rule = "policy"
    before = report.faults
    for entry in root:
        if entry.key != "policy":
            report.error("RG201", entry.span, entry.key, "policy alone in its file")
    holder = root.entry("policy")
    node = mapping(holder.value, report, "a mapping with zone, purposes, channels …", holder.span) if holder else None
    model = validate(PolicyModel, node, report, at=holder.span) if node and holder else None
    if node:
        _check_quiet_hours(node, report)
        check_later(node, scope, report)
    sound = model is not None and report.faults == before
    report.rule = ""
    return _policy(model) if model and sound else None


def _policy(model: PolicyModel) -> Policy:
    quiet = model.quiet_hours
    return Policy(
        zone=model.zone,
        locale=model.locale,
        currency=model.currency,
        quiet_hours=None if quiet is None else _quiet_hours(quiet),
        purposes={name: Purpose(consent=purpose.consent) for name, purpose in model.purposes.items()},
        channels={
            name: Channel(provider=channel.provider, sender=channel.sender, in_doubt=channel.in_doubt)
            for name, channel in model.channels.items()
        },
        publication=None if model.publication is None else Publication(**model.publication.model_dump()),
        mass_start=None if model.mass_start is None else MassStart(above=model.mass_start.above),
    )


def _quiet_hours(model: QuietHoursModel) -> QuietHours:
    spread = 0 if model.spread is None else model.spread.seconds
    return QuietHours(start=model.start, end=model.end, spread=spread, exempt=tuple(model.exempt))


def _check_quiet_hours(node: Mapping, report: Report) -> None:
    """Exempt purposes must exist, and the quiet must not last the whole day."""
    quiet = node.get("quiet_hours")
    if not isinstance(quiet, Mapping):
        return
    start, end = quiet.get("start"), quiet.get("end")
    if start is not None and end is not None and found(start) == found(end):
        report.error(
            "RG209", end.span, found(end), "an end that differs from the start", "leave quiet_hours out for none"
        )
    purposes, exempt = node.get("purposes"), quiet.get("exempt")
    known = purposes.keys() if isinstance(purposes, Mapping) else ()
    for item in exempt.items if isinstance(exempt, Sequence) else ():
        if found(item) not in known:
            report.error(
                "RG307", item.span, found(item), f"a purpose: {one_of(known)}", did_you_mean(found(item), known)
            )
