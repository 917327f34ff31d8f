"""When what is struck: decided by the seed, struck as the journeys get on, so that a slow machine is hit as often."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.firing.crew import Crew, Incarnation
from bench.firing.points import BETWEEN_PROVIDER_AND_RECORD, BETWEEN_TELLING_AND_MARK, POINTS
from bench.firing.servers import OwnServers, Server

What = Literal["worker", "all workers", "point", "postgres", "temporal"]

_PATIENCE = 12.0  # so long a trap waits; then its worker is killed wherever it is
_BREATH = 1.5  # between two strokes, so that what dies has lived
_STALLED = 20.0


@dataclass(frozen=True)
class Strength:
    """How often what is struck in one run."""

    kills: int
    restarts: int


@dataclass(frozen=True)
class Stroke:
    """One blow, due when this share of the journeys is over."""

    share: float
    what: What
    point: str = ""
    seconds: float = 0.0


def strokes(seed: int, strength: Strength) -> list[Stroke]:
    """All blows of a run in their order."""
    chance = random.Random(seed)
    points = [BETWEEN_PROVIDER_AND_RECORD, BETWEEN_TELLING_AND_MARK, *POINTS] * strength.kills
    planned: list[Stroke] = []
    for number in range(strength.kills):
        share = chance.uniform(0.0, 0.9)
        if number % 2:
            planned.append(Stroke(share, "point", points[number // 2]))
        else:
            planned.append(Stroke(share, "all workers" if chance.random() < 0.15 else "worker"))
    servers: tuple[Server, ...] = ("postgres", "temporal")
    planned += [
        Stroke(chance.uniform(0.05, 0.9), server, seconds=chance.uniform(0.0, 3.0))
        for server in servers
        for _ in range(strength.restarts)
    ]
    return sorted(planned, key=lambda stroke: stroke.share)


@dataclass
class Storm:
    """Strikes one after the other; `say` tells of each."""

    servers: OwnServers
    crew: Crew
    chance: random.Random
    coming: list[Stroke]
    say: Callable[[str], None]
    _trapped: tuple[Incarnation, float] | None = None
    _last: tuple[float, float] = (0.0, 0.0)

    @property
    def over(self) -> bool:
        """Whether nothing more is coming."""
        return not self.coming and self._trapped is None

    def strike(self, share: float) -> None:
        """Strikes if it is time, at this share of journeys that are over; a standstill does not stop it."""
        now = time.monotonic()
        if self._trapped is not None:
            self._spring(now)
        last_share, since = self._last
        if share != last_share and self.coming and share < self.coming[0].share:
            self._last = share, now
        elif self.coming and self._trapped is None and now - since >= self._pause(share):
            self._last = share, now
            self._blow(self.coming.pop(0))

    def _pause(self, share: float) -> float:
        return _BREATH if share >= self.coming[0].share else _STALLED

    def _spring(self, now: float) -> None:
        """Waits for a trapped worker's end, not for ever."""
        worker, since = self._trapped or (None, 0.0)
        if worker is None or worker.ended is not None:
            self._trapped = None
        elif now - since > _PATIENCE:
            worker.kill()

    def _blow(self, stroke: Stroke) -> None:
        match stroke.what:
            case "postgres" | "temporal" as server:
                outage = self.servers.outage(server, stroke.seconds)
                self.say(f"{server} was away for {outage.ended - outage.began:.1f} s")
            case _:
                self._kill(stroke)

    def _kill(self, stroke: Stroke) -> None:
        working = [each for each in self.crew.living if each.ready and each.process.poll() is None]
        if not working:
            self.coming.insert(0, stroke)  # later: they are starting
            return
        if stroke.what == "all workers":
            self.say(f"all workers are killed: {', '.join(each.name for each in working)}")
            for each in working:
                each.kill()
            return
        worker = self.chance.choice(working)
        self.say(f"{worker.name} is killed {stroke.point or 'anywhere'}")
        if stroke.what == "point":
            worker.trap(stroke.point)
            self._trapped = worker, time.monotonic()
        else:
            worker.kill()


def killed_at(crew: Crew, points: Sequence[str]) -> int:
    """How many workers were killed exactly at one of these points."""
    return sum(each.killed_at in points for each in crew.killed)
