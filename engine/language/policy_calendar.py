"""Parts of the policy about hours, days and many journeys at once: when the shop works, when cut-offs are published."""

from typing import Literal

from pydantic import Field

from engine.language.calendar_triggers import Weekday
from engine.language.issues import Report
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.values import Clock, Percent


class HoursModel(Model):
    """When the shop works on a weekday."""

    from_: Clock = Field(alias="from", description="Opening, by the policy's zone.")
    to: Clock = Field(description="Closing.")


class PublicationModel(Model):
    """When cut-offs are published again."""

    every: Literal["day", "week", "month", "quarter", "year"] = Field(description="How often.")
    day: int = Field(
        default=1,
        ge=1,
        le=31,
        description="The day of it, or the last that there is; of a quarter or year in its first month.",
    )
    at: Clock = Field(default="03:00", description="The time, by the policy's zone.")


class MassStartModel(Model):
    """When a person is asked first."""

    above: int = Field(ge=1, description="More journeys at once than this are held.")


class ApplyModel(Model):
    """When rules that are applied need a number typed."""

    confirm_above: Percent = Field(description="Where more than this share of all customers would change: 5%.")


Hours = dict[Weekday, HoursModel]


def check_hours(node: Mapping, report: Report) -> None:
    """The shop must not close before it opens."""
    for entry in _entries(node.get("business_hours")):
        if isinstance(entry.value, Mapping):
            check_order(entry.value, report)


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def check_order(node: Mapping, report: Report) -> None:
    """What is `from` one and `to` another must not end before it begins."""
    first, last = node.get("from"), node.get("to")
    if (
        isinstance(first, Scalar)
        and isinstance(last, Scalar)
        and len(first.text) == len(last.text)
        and last.text < first.text
    ):
        report.error("RG209", last.span, last.text, f"no earlier than {first.text}")
