"""How a worker is set up: the table `[worker]` of `regulars.toml`, and the environment above it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.servers.errors import SetupError

DEFAULT_PORT = 8234


@dataclass(frozen=True)
class Bounds:
    """What one setting may be: text, or a whole number from `least` to `most`."""

    variable: str
    kind: type = int
    least: int = 0
    most: int = 0

    @property
    def expected(self) -> str:
        """In words."""
        return "text in quotes" if self.kind is str else f"a whole number from {self.least} to {self.most}"

    def fits(self, value: object) -> bool:
        """Whether a value of TOML is allowed."""
        if self.kind is str:
            return isinstance(value, str) and bool(value.strip())
        return type(value) is int and self.least <= value <= self.most


BOUNDS: Mapping[str, Bounds] = {
    "host": Bounds("REGULARS_WORKER_HOST", str),
    "port": Bounds("REGULARS_WORKER_PORT", least=0, most=65535),
    "activities": Bounds("REGULARS_WORKER_ACTIVITIES", least=1, most=10_000),
    # Temporal's SDK needs two of each where journeys are kept in memory.
    "workflow_tasks": Bounds("REGULARS_WORKER_WORKFLOW_TASKS", least=2, most=10_000),
    "activity_pollers": Bounds("REGULARS_WORKER_ACTIVITY_POLLERS", least=1, most=1_000),
    "workflow_pollers": Bounds("REGULARS_WORKER_WORKFLOW_POLLERS", least=2, most=1_000),
    "cached_journeys": Bounds("REGULARS_WORKER_CACHED_JOURNEYS", least=2, most=1_000_000),
    "dispatcher_batch": Bounds("REGULARS_WORKER_DISPATCHER_BATCH", least=1, most=1_000),
    "dispatcher_pause_ms": Bounds("REGULARS_WORKER_DISPATCHER_PAUSE_MS", least=10, most=60_000),
    "database_connections": Bounds("REGULARS_WORKER_DATABASE_CONNECTIONS", least=2, most=500),
    "grace_seconds": Bounds("REGULARS_WORKER_GRACE_SECONDS", least=1, most=3_600),
    "ready_lag_seconds": Bounds("REGULARS_WORKER_READY_LAG_SECONDS", least=1, most=86_400),
    "temporal_metrics_port": Bounds("REGULARS_WORKER_TEMPORAL_METRICS_PORT", least=0, most=65535),
}
"""By setting: its environment variable and what it may be."""

# Who polls for more than may run at once waits with tasks in hand.
_WITHIN = (("activity_pollers", "activities"), ("workflow_pollers", "workflow_tasks"))


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker is set up; docs/operations.md says when to change what.

    A `port` of None is the default one, or any free one where that is taken; 0 is any free one.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    activities: int = 100
    workflow_tasks: int = 100
    activity_pollers: int = 5
    workflow_pollers: int = 5
    cached_journeys: int = 1000
    dispatcher_batch: int = 50
    dispatcher_pause_ms: int = 200
    database_connections: int = 10
    grace_seconds: int = 20
    ready_lag_seconds: int = 60
    temporal_metrics_port: int = 0

    def overridden(self, environment: Mapping[str, str]) -> "WorkerSettings":
        """These settings with those of the environment above them.

        Raises:
            SetupError: a variable says what its setting may not be; all such are told.
        """
        told = {name: text for name, each in BOUNDS.items() if (text := environment.get(each.variable))}
        values: dict[str, Any] = {name: _read(text, BOUNDS[name]) for name, text in told.items()}
        wrong = [_fault(BOUNDS[name], text) for name, text in told.items() if not BOUNDS[name].fits(values[name])]
        if wrong:
            more = "".join(f"\n  also {other}" for other in wrong[1:])
            raise SetupError("bad-settings", wrong[0] + more, "correct the variable, or unset it", "the environment")
        both = replace(self, **values)
        for _, fault in both.contradictions():
            raise SetupError("bad-settings", fault, "raise the one or lower the other", "[worker] and the environment")
        return both

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Settings that cannot hold beside another, each with what is wrong."""
        for less, more in _WITHIN:
            if getattr(self, less) > getattr(self, more):
                yield less, f"{less} is {getattr(self, less)}, expected at most {more}, which is {getattr(self, more)}"

    def told(self) -> dict[str, Any]:
        """Every setting by its name, for `regulars doctor`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _read(text: str, bounds: Bounds) -> object:
    if bounds.kind is str:
        return text
    # What `int` takes besides digits (signs, underscores, other scripts) is more likely a mistake.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _fault(bounds: Bounds, text: str) -> str:
    return f"{bounds.variable} is {text!r}, expected {bounds.expected}"
