"""When customers are left in peace: holidays, blackouts and holds, and that a policy opens at all."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.calendar.local import instant_of
from engine.calendar.opening import Recipient, opening
from engine.calendar.public_holidays import countries
from engine.language.conditions import compile_condition
from engine.language.issues import Report, Span, did_you_mean
from engine.language.located import Mapping, is_nothing
from engine.language.model import Model
from engine.language.policy_bounds import check_purposes, items, keys
from engine.language.policy_calendar import check_order
from engine.language.scope import Scope
from engine.language.values import Name, StandingPart, refuse
from engine.policy import Blackout, Hold, Holidays, Policy


def _read_day(value: object) -> str:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) and len(value) == 10 else _no_day()
    except ValueError:
        return _no_day()


def _no_day() -> str:
    raise refuse("RG203", "a day such as 2026-12-24")


def _read_country(value: object) -> str:
    if isinstance(value, str) and value in countries():
        return value
    hint = did_you_mean(value.upper(), sorted(countries())) if isinstance(value, str) else ""
    raise refuse("RG212", "a country whose holidays are known, by its code such as DE", hint)


Day = Annotated[
    str, PlainValidator(_read_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]
Country = Annotated[str, PlainValidator(_read_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]


class HolidaysModel(Model):
    """Days on which customers are left in peace."""

    countries: list[Country] = Field(
        default_factory=list, description="Customers of these countries rest on its public holidays: [DE, FR]."
    )
    days: list[Day] = Field(default_factory=list, description="And everybody on these days: [2026-12-24].")


class BlackoutModel(Model):
    """Days on which nothing is sent."""

    from_: Day = Field(alias="from", description="The first day.")
    to: Day = Field(description="The last day.")
    purposes: list[Name] = Field(default_factory=list, description="Of these purposes; default: all.")


class HoldModel(Model):
    """When a customer is left alone."""

    while_: StandingPart = Field(alias="while", description="As long as this holds.")
    purposes: list[Name] = Field(default_factory=list, description="Messages of these purposes; default: all.")
    do: Literal["delay", "skip"] = Field(default="delay", description="What becomes of them.")


def holidays(model: HolidaysModel | None) -> Holidays:
    """The days of rest."""
    return Holidays() if model is None else Holidays(countries=tuple(model.countries), days=tuple(model.days))


def blackout(model: BlackoutModel) -> Blackout:
    """A span of days."""
    return Blackout(first=model.from_, last=model.to, purposes=tuple(model.purposes))


def check_peace(node: Mapping, report: Report) -> None:
    """What the models cannot tell: names of purposes, and days in their order."""
    purposes = keys(node, "purposes")
    for item in items(node.get("blackout")):
        check_purposes(item.get("purposes"), purposes, report)
        check_order(item, report)
    for item in items(node.get("holds")):
        check_purposes(item.get("purposes"), purposes, report)


def compile_holds(node: Mapping, models: list[HoldModel], scope: Scope, report: Report) -> tuple[Hold, ...]:
    """The holds with their conditions; those with mistakes are told and left out."""
    compiled = []
    for item, model in zip(items(node.get("holds")), models, strict=False):
        asked = item.get("while")
        condition = None if asked is None or is_nothing(asked) else compile_condition(asked, scope, report)
        if condition is not None:
            data = condition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            compiled.append(Hold(condition=data, purposes=tuple(model.purposes), do=model.do))
    return tuple(compiled)


def check_conditions(node: Mapping, scope: Scope, report: Report) -> None:
    """The holds' conditions of a policy that has other mistakes."""
    for item in items(node.get("holds")):
        asked = item.get("while")
        if asked is not None and not is_nothing(asked):
            compile_condition(asked, scope, report)


def check_opens(policy: Policy, at: Span, report: Report) -> None:
    """Nobody means a policy under which some purpose waits for more than a year."""
    for purpose in policy.purposes:
        for whose in (Recipient(policy.zone), *(Recipient(policy.zone, each) for each in policy.holidays.countries)):
            for day in sorted({*(each.first for each in policy.blackout), *policy.holidays.days}):
                begins = instant_of(date.fromisoformat(day), time(0), policy.zone).astimezone(UTC)
                opens = opening(begins, whose, purpose, policy)
                if opens is None or opens - begins > _LONGEST:
                    found = f"nothing of purpose {purpose} could leave for a year from {day} on"
                    report.error("RG709", at, found, "quiet hours, weekdays, holidays and blackouts that leave room")
                    return


_LONGEST = datetime(2027, 1, 2, tzinfo=UTC) - datetime(2026, 1, 1, tzinfo=UTC)
