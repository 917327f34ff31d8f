"""Parts of the policy that the language knows and this version does not yet run: read, typed, and refused by name."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.language.conditions import compile_condition
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found, is_nothing
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.triggers_later import Weekday
from engine.language.values import Clock, DurationText, Name, StandingPart, refuse

LATER = (
    "priorities", "caps", "capacities", "holidays", "business_hours", "blackout", "weekdays", "holds",
)  # fmt: skip
LATER_OF_CHANNEL = ("limit",)


def _read_day(value: object) -> str:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) and len(value) == 10 else _no_day()
    except ValueError:
        return _no_day()


def _no_day() -> str:
    raise refuse("RG203", "a day such as 2026-12-24")


Day = Annotated[
    str, PlainValidator(_read_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]


class LimitModel(Model):
    """How fast a channel may send."""

    count: int = Field(ge=1, description="So many messages ...")
    per: DurationText = Field(description="... in so long.")
    burst: int = Field(default=1, ge=1, description="So many of them at once.")


class CapModel(Model):
    """How much one customer bears."""

    at_most: int = Field(ge=1, description="At most so many messages ...")
    per: DurationText = Field(description="... in so long.")
    purposes: list[Name] = Field(default_factory=list, description="Of these purposes; default: all.")
    channels: list[Name] = Field(default_factory=list, description="By these channels; default: all.")


class CapacityModel(Model):
    """How much a team or a channel bears."""

    per_hour: int | None = Field(default=None, ge=1, description="At most so many an hour.")
    per_day: int | None = Field(default=None, ge=1, description="At most so many a day.")


class HoursModel(Model):
    """When the shop works on a weekday."""

    from_: Clock = Field(alias="from", description="Opening, by the policy's zone.")
    to: Clock = Field(description="Closing.")


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


Hours = dict[Weekday, HoursModel]


def check_later(node: Mapping, scope: Scope, report: Report) -> None:
    """Checks what the models cannot, and refuses by name what does not run yet."""
    purposes, channels = _keys(node, "purposes"), _keys(node, "channels")
    _check_names(node.get("priorities"), purposes, report)
    for item in _items(node.get("caps")) + _items(node.get("blackout")) + _items(node.get("holds")):
        _check_names(item.get("purposes"), purposes, report)
        _check_channels(item.get("channels"), channels, report)
    for item in _items(node.get("holds")):
        asked = item.get("while")
        if asked is not None and not is_nothing(asked):
            compile_condition(asked, scope, report)
    for item in _items(node.get("blackout")):
        _check_order(item, report)
    for entry in _entries(node.get("business_hours")):
        if isinstance(entry.value, Mapping):
            _check_order(entry.value, report)
    for entry in node:
        if entry.key in LATER:
            _refuse(entry, f"{entry.key} of the policy", report)
    for channel in _entries(node.get("channels")):
        for entry in channel.value if isinstance(channel.value, Mapping) else ():
            if entry.key in LATER_OF_CHANNEL:
                _refuse(entry, f"{entry.key} of a channel", report)


def _refuse(entry: Entry, what: str, report: Report) -> None:
    report.error("RG501", entry.span, what, "a policy without it", "it is planned")


def _keys(node: Mapping, key: str) -> tuple[str, ...]:
    inner = node.get(key)
    return inner.keys() if isinstance(inner, Mapping) else ()


def _items(node: Node | None) -> list[Mapping]:
    return [item for item in (node.items if isinstance(node, Sequence) else ()) if isinstance(item, Mapping)]


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def _check_names(node: Node | None, known: tuple[str, ...], report: Report) -> None:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and item.text and item.text not in known:
            report.error("RG307", item.span, found(item), f"a purpose: {one_of(known)}", did_you_mean(item.text, known))


def _check_channels(node: Node | None, known: tuple[str, ...], report: Report) -> None:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and item.text and item.text not in known:
            report.error("RG305", item.span, found(item), f"a channel: {one_of(known)}", did_you_mean(item.text, known))


def _check_order(node: Mapping, report: Report) -> None:
    first, last = node.get("from"), node.get("to")
    if (
        isinstance(first, Scalar)
        and isinstance(last, Scalar)
        and len(first.text) == len(last.text)
        and last.text < first.text
    ):
        report.error("RG209", last.span, last.text, f"no earlier than {first.text}")
