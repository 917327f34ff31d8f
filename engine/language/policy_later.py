"""Parts of the policy that the language knows and this version does not yet run: read, typed, and refused by name."""

from typing import Literal

from pydantic import Field

from engine.language.issues import Report
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.triggers_later import Weekday
from engine.language.values import Clock

LATER = ("publication", "mass_start")


class HoursModel(Model):
    """When the shop works on a weekday."""

    from_: Clock = Field(alias="from", description="Opening, by the policy's zone.")
    to: Clock = Field(description="Closing.")


class PublicationModel(Model):
    """When cut-offs are published again."""

    every: Literal["day", "week", "month", "quarter", "year"] = Field(description="How often.")
    day: int = Field(default=1, ge=1, le=31, description="The day of it.")
    at: Clock = Field(default="03:00", description="The time, by the policy's zone.")


class MassStartModel(Model):
    """When a person is asked first."""

    above: int = Field(ge=1, description="More journeys at once than this are held.")


Hours = dict[Weekday, HoursModel]


def check_later(node: Mapping, report: Report) -> None:
    """Checks what the models cannot, and refuses by name what does not run yet."""
    for entry in _entries(node.get("business_hours")):
        if isinstance(entry.value, Mapping):
            check_order(entry.value, report)
    for entry in node:
        if entry.key in LATER:
            report.error("RG501", entry.span, f"{entry.key} of the policy", "a policy without it", "it is planned")


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
