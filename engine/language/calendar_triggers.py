"""Triggers of the calendar: `{date: birthday, offset: -7d, at: "10:00"}` and `{every: month, day: 8, at: "10:00"}`."""

from typing import Literal

from pydantic import Field

from engine.journeys.plan import CalendarTrigger, DateTrigger, EveryTrigger
from engine.language.dates import check_date
from engine.language.issues import Report, one_of
from engine.language.located import Entry, Mapping, Scalar
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.validate import names, validate
from engine.language.values import AttributePart, Clock, SignedDuration

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
CALENDAR = ("date", "every")
# Beside which kind, and of every beside which periods, a key may stand.
_BESIDE = {"offset": "date", "feb_29": "date", "weekday": "every", "month": "every", "day": "every"}
_PERIODS = {"weekday": ("week",), "month": ("year",), "day": ("month", "quarter", "year")}


class CalendarModel(Model):
    """A date of the customer's, or a day of the calendar."""

    date: AttributePart = Field(default=None, description="A date of the customer's, each year; or an instant, once.")
    offset: SignedDuration | None = Field(default=None, description="So long before (-7d) or after the date.")
    feb_29: Literal["feb_28", "mar_1"] | None = Field(
        default=None, description="When 29 February is in other years; by default feb_28."
    )
    every: Literal["day", "week", "month", "quarter", "year"] | None = Field(
        default=None, description="How often, for every customer; by default on the first day of it."
    )
    weekday: Weekday | None = Field(default=None, description="The day of each week.")
    month: int | None = Field(default=None, ge=1, le=12, description="The month of each year.")
    day: int | None = Field(default=None, ge=1, le=31, description="The day of the month, or the last one it has.")
    at: Clock | None = Field(default=None, description="The time of the customer's clock; by default midnight.")


def calendar_keys(holder: Mapping) -> tuple[str, ...]:
    """The keys of a mapping that belong to the trigger of the calendar that it holds."""
    return names(CalendarModel) if any(holder.entry(kind) for kind in CALENDAR) else ()


def compile_calendar(kind: Entry, holder: Mapping, scope: Scope, report: Report) -> CalendarTrigger | None:
    """Reads a trigger of the calendar.

    Args:
        kind: The entry `date` or `every`.
        holder: The mapping that holds it, and perhaps other keys.
        scope: The names of conditions.
        report: Gets every issue.
    """
    before = report.faults
    own = tuple(each for each in holder if each.key in names(CalendarModel))
    model = validate(CalendarModel, Mapping(holder.span, own), report, at=kind.span)
    _check_fit(holder, kind, report)
    if kind.key == "date":
        check_date(kind, scope, report)
    if report.faults > before or model is None:
        return None
    if kind.key == "date":
        feb_29 = model.feb_29 or "feb_28"
        return DateTrigger(date=str(model.date), offset=model.offset or 0, at=model.at or "", feb_29=feb_29)
    return EveryTrigger.model_validate(model.model_dump(exclude_none=True))


def _check_fit(holder: Mapping, kind: Entry, report: Report) -> None:
    every = kind.value.text if kind.key == "every" and isinstance(kind.value, Scalar) else ""
    for key, beside in _BESIDE.items():
        entry = holder.entry(key)
        if entry is not None and kind.key != beside:
            report.error("RG201", entry.span, f"{key} beside {kind.key}", f"{key} beside {beside}")
        elif entry is not None and every and every not in _PERIODS.get(key, (every,)):
            expected = f"{key} beside every: {one_of(_PERIODS[key])}"
            report.error("RG201", entry.span, f"{key} beside every: {every}", expected)
