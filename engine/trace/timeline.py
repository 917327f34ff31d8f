"""A path as data: what happened to one customer in a playbook's journeys, instant by instant."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

What = Literal[
    "start", "wait", "came", "question", "message", "response", "task", "tag", "coupon", "points", "call", "step",
    "people", "goal", "end", "stands", "note",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, or a wait that began.

    Attributes:
        at: the logical instant, in UTC.
        what: the kind of thing.
        words: what happened, as a sentence without a full stop.
        step: the step's id; empty for what is of no step.
        state: what became of it: sent, skipped, deferred, failed, done; of a question yes or no.
        reason: of anything but success.
        until: of a wait, or of what is held back, when it is over at the latest.
        because: facts that mattered, one a line.
    """

    at: datetime
    what: What
    words: str
    step: str = ""
    state: str = ""
    reason: str = ""
    until: datetime | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """One journey. `state` is open while it is under way; `name` is its workflow's id, or a number in a simulation."""

    name: str
    about: str
    started_at: datetime
    version: str
    state: str
    outcome: str
    ended_at: datetime | None
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All journeys of a playbook for one customer, the first one first. `zone` is hers, `shop_zone` the shop's."""

    customer: str
    customer_id: int
    playbook: str
    title: str
    source: Literal["recorded", "simulated"]
    zone: str
    shop_zone: str
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def to_json(timeline: Timeline) -> dict[str, Any]:
    """As JSON data: instants are ISO 8601 in UTC, what there is not is null or empty."""
    found: dict[str, Any] = _plain(asdict(timeline))
    return found


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
