"""How much may be sent: caps of customers, capacities of teams and channels, a channel's limit, and who goes first."""

from typing import Literal

from pydantic import Field

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.values import DurationText, Name
from engine.policy import Cap, Capacity, Limit


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
    do: Literal["delay", "skip"] = Field(default="delay", description="What becomes of one too many.")


class CapacityModel(Model):
    """How much a team or a channel bears."""

    per_hour: int | None = Field(default=None, ge=1, description="At most so many an hour.")
    per_day: int | None = Field(default=None, ge=1, description="At most so many a day of the policy's zone.")
    purposes: list[Name] = Field(default_factory=list, description="Of these purposes; default: all.")
    channels: list[Name] = Field(
        default_factory=list, description="By these channels; default: the one of the capacity's name, else all."
    )
    playbooks: list[Name] = Field(default_factory=list, description="Of these playbooks; default: all.")


def limit(model: LimitModel | None) -> Limit | None:
    """A channel's limit."""
    return None if model is None else Limit(count=model.count, seconds=model.per.seconds, burst=model.burst)


def cap(model: CapModel) -> Cap:
    """A customer's cap."""
    return Cap(
        at_most=model.at_most,
        per=model.per.seconds,
        purposes=tuple(model.purposes),
        channels=tuple(model.channels),
        do=model.do,
    )


def capacity(name: str, model: CapacityModel, channels: tuple[str, ...]) -> Capacity:
    """A capacity; one named like a channel is that channel's."""
    own = (name,) if name in channels else ()
    return Capacity(
        per_hour=model.per_hour,
        per_day=model.per_day,
        purposes=tuple(model.purposes),
        channels=tuple(model.channels) or own,
        playbooks=tuple(model.playbooks),
    )


def check_bounds(node: Mapping, playbooks: frozenset[str] | None, report: Report) -> None:
    """Names must be those of purposes, channels and playbooks; a capacity must bound something.

    `playbooks`: None if they are not all known.
    """
    purposes, channels = keys(node, "purposes"), keys(node, "channels")
    check_purposes(node.get("priorities"), purposes, report)
    _check_once(node.get("priorities"), report)
    for item in items(node.get("caps")):
        check_purposes(item.get("purposes"), purposes, report)
        _check_named("RG305", "a channel", item.get("channels"), channels, report)
    for entry in _entries(node.get("capacities")):
        _check_capacity(entry, purposes, channels, playbooks, report)


def _check_capacity(
    entry: Entry,
    purposes: tuple[str, ...],
    channels: tuple[str, ...],
    playbooks: frozenset[str] | None,
    report: Report,
) -> None:
    if not isinstance(entry.value, Mapping):
        return
    if "per_hour" not in entry.value.keys() and "per_day" not in entry.value.keys():  # noqa: SIM118 - no dict
        report.error("RG202", entry.span, "neither per_hour nor per_day", "at least one of them")
    check_purposes(entry.value.get("purposes"), purposes, report)
    _check_named("RG305", "a channel", entry.value.get("channels"), channels, report)
    if playbooks is not None:
        _check_named("RG322", "a playbook", entry.value.get("playbooks"), tuple(sorted(playbooks)), report)


def check_purposes(node: Node | None, known: tuple[str, ...], report: Report) -> None:
    """Whether each purpose in a list is one of the policy's."""
    _check_named("RG307", "a purpose", node, known, report)


def _check_named(code: str, what: str, node: Node | None, known: tuple[str, ...], report: Report) -> None:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and item.text and item.text not in known:
            report.error(code, item.span, found(item), f"{what}: {one_of(known)}", did_you_mean(item.text, known))


def _check_once(node: Node | None, report: Report) -> None:
    seen: set[str] = set()
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and item.text in seen:
            report.error("RG309", item.span, item.text, "each purpose once")
        seen.add(found(item))


def keys(node: Mapping, key: str) -> tuple[str, ...]:
    """The names in an inner mapping."""
    inner = node.get(key)
    return inner.keys() if isinstance(inner, Mapping) else ()


def items(node: Node | None) -> list[Mapping]:
    """The mappings in a list."""
    return [item for item in (node.items if isinstance(node, Sequence) else ()) if isinstance(item, Mapping)]


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()
