"""Policy: zones, quiet hours, purposes, channels and bounds, as written in `rules/policy.yaml`."""

from typing import Literal

from pydantic import Field

from engine.language.calendar_triggers import Weekday
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Mapping, Sequence, found
from engine.language.model import Model
from engine.language.policy_bounds import (
    CapacityModel,
    CapModel,
    LimitModel,
    cap,
    capacity,
    check_bounds,
    limit,
)
from engine.language.policy_calendar import ApplyModel, Hours, MassStartModel, PublicationModel, check_hours
from engine.language.policy_peace import (
    BlackoutModel,
    HoldModel,
    HolidaysModel,
    blackout,
    check_conditions,
    check_opens,
    check_peace,
    compile_holds,
    holidays,
)
from engine.language.requests import RequestModel, check_request, compile_request
from engine.language.scope import Scope
from engine.language.validate import mapping, validate
from engine.language.values import Clock, Currency, DurationText, Locale, Name, Percent, Text, Zone
from engine.policy import AddressKind, Apply, Channel, Form, MassStart, Policy, Publication, Purpose, QuietHours


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

    provider: Name = Field(description="The provider that carries them: mailbox, smtp, http, sms.")
    sender: Text | None = Field(default=None, description="Whom they come from.")
    in_doubt: Literal["hold", "resend"] = Field(
        default="hold", description="After a crash in mid-send: hold for a person, or send again and risk it twice."
    )
    limit: LimitModel | None = Field(default=None, description="How fast it may send.")
    address: AddressKind | None = Field(
        default=None, description="What it reaches somebody by; default: phone for sms and whatsapp, else email."
    )
    form: Form | None = Field(
        default=None, description="Which files of a template it takes; default: sms for the provider sms, else mail."
    )
    request: RequestModel | None = Field(default=None, description="How a service over HTTP is asked.")


class PolicyModel(Model):
    """The shop's policy: it holds for every playbook."""

    zone: Zone = Field(default="UTC", description="Time zone of customers whose own is unknown.")
    locale: Locale = Field(default="en", description="Language of customers whose own is unknown.")
    currency: Currency | None = Field(default=None, description="Reporting currency; default: each shop's own.")
    quiet_hours: QuietHoursModel | None = Field(default=None, description="When customers are left in peace.")
    purposes: dict[Name, PurposeModel] = Field(default_factory=dict, description="Purposes by name.")
    channels: dict[Name, ChannelModel] = Field(default_factory=dict, description="Channels by name.")
    priorities: list[Name] = Field(default_factory=list, description="Purposes: who goes first when room is short.")
    caps: list[CapModel] = Field(default_factory=list, description="How much one customer bears.")
    capacities: dict[Name, CapacityModel] = Field(default_factory=dict, description="How much teams and channels bear.")
    holidays: HolidaysModel | None = Field(default=None, description="Days on which customers are left in peace.")
    business_hours: Hours = Field(default_factory=dict, description="When the shop works, by weekday.")
    blackout: list[BlackoutModel] = Field(default_factory=list, description="Days on which nothing is sent.")
    weekdays: list[Weekday] = Field(default_factory=list, description="Days of the week on which messages are sent.")
    holds: list[HoldModel] = Field(default_factory=list, description="When a customer is left alone.")
    holdout: Percent = Field(default=0, description="Share of customers who get nothing that they must consent to.")
    mode: Literal["live", "test"] = Field(default="live", description="test: only the test recipients get anything.")
    test_recipients: list[Text] = Field(
        default_factory=list, description="Addresses, numbers or customers' keys that tests may reach."
    )
    publication: PublicationModel | None = Field(default=None, description="When cut-offs are published again.")
    mass_start: MassStartModel | None = Field(default=None, description="When a person is asked first.")
    apply: ApplyModel | None = Field(default=None, description="When rules that are applied need a number typed.")


class PolicyFile(Model):
    """The file of the policy."""

    policy: PolicyModel = Field(description="What holds for every playbook: clocks, quiet hours, consent, channels.")


def compile_policy(
    root: Mapping, scope: Scope, report: Report, playbooks: frozenset[str] | None = None
) -> Policy | None:
    """Reads the policy; None if it has errors. `playbooks`: their names, None if they are not all known."""
    report.rule = "policy"
    before = report.faults
    for entry in root:
        if entry.key != "policy":
            report.error("RG201", entry.span, entry.key, "policy alone in its file")
    holder = root.entry("policy")
    node = mapping(holder.value, report, "a mapping with zone, purposes, channels …", holder.span) if holder else None
    model = validate(PolicyModel, node, report, at=holder.span) if node and holder else None
    policy = None
    if node:
        _check_quiet_hours(node, report)
        _check_requests(node, report)
        check_bounds(node, playbooks, report)
        check_peace(node, report)
        check_hours(node, report)
        if model:
            policy = _policy(node, model, scope, report)
        else:
            check_conditions(node, scope, report)
    if policy and holder and report.faults == before:
        check_opens(policy, holder.span, report)
    report.rule = ""
    return policy if report.faults == before else None


def _policy(node: Mapping, model: PolicyModel, scope: Scope, report: Report) -> Policy:
    quiet = model.quiet_hours
    channels = tuple(model.channels)
    return Policy(
        mode=model.mode,
        test_recipients=tuple(model.test_recipients),
        holdout=model.holdout,
        zone=model.zone,
        locale=model.locale,
        currency=model.currency,
        quiet_hours=None if quiet is None else _quiet_hours(quiet),
        purposes={name: Purpose(consent=purpose.consent) for name, purpose in model.purposes.items()},
        channels={name: _channel(name, channel) for name, channel in model.channels.items()},
        priorities=tuple(model.priorities),
        caps=tuple(map(cap, model.caps)),
        capacities={name: capacity(name, each, channels) for name, each in model.capacities.items()},
        holidays=holidays(model.holidays),
        blackout=tuple(map(blackout, model.blackout)),
        weekdays=tuple(model.weekdays),
        holds=compile_holds(node, model.holds, scope, report),
        business_hours={day: (hours.from_, hours.to) for day, hours in model.business_hours.items()},
        publication=None if model.publication is None else Publication(**model.publication.model_dump()),
        mass_start=None if model.mass_start is None else MassStart(above=model.mass_start.above),
        apply=None if model.apply is None else Apply(confirm_above=model.apply.confirm_above),
    )


_BY_PHONE = ("sms", "whatsapp")


def _channel(name: str, model: ChannelModel) -> Channel:
    by_phone = name in _BY_PHONE or model.provider == "sms"
    return Channel(
        provider=model.provider,
        sender=model.sender,
        in_doubt=model.in_doubt,
        address=model.address or ("phone" if by_phone else "email"),
        form=model.form or ("sms" if model.provider == "sms" else "mail"),
        request=None if model.request is None else compile_request(model.request),
        limit=limit(model.limit),
    )


def _check_requests(node: Mapping, report: Report) -> None:
    channels = node.get("channels")
    for entry in channels if isinstance(channels, Mapping) else ():
        if isinstance(entry.value, Mapping):
            check_request(entry.value, report)


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
