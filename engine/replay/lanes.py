"""Several drivers of one replay side by side, each with its own customers, where nothing couples customers.

A decision asks only what concerns its customer as of its logical instant, so the order among customers changes no
message. It does where they share something: a capacity, a channel's limit, a pool of coupons. Standing and moments of
the calendar are read for all customers at once. In these cases one driver goes through all in canonical order.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from engine.journeys.plan import Coupon, Plan
from engine.policy import Policy
from engine.replay.driver import Driver, Progress
from engine.replay.stream import WHOLE, Lane

LANES = 8
"""A replay mostly waits for Temporal's answers, so there are more than processors."""


def coupled(policy: Policy, plans: Collection[Plan] = ()) -> bool:
    """Whether messages to one customer can depend on those to another."""
    share_pools = any(isinstance(step, Coupon) for plan in plans if plan.starts for step in plan.code)
    return policy.couples([plan.playbook for plan in plans]) or share_pools


@dataclass
class Drivers:
    """All drivers of one replay. `make` gives the driver of a lane, which tells of its progress there."""

    make: Callable[[Lane, Progress], Driver]
    policy: Policy
    plans: Collection[Plan]
    progress: Progress
    drivers: list[Driver] = field(default_factory=list)
    reached: dict[int, datetime] = field(default_factory=dict)

    async def run(self) -> None:
        """Drives the replay to the window's end."""
        whole = self._make(WHOLE)
        alone = whole.judging is not None or whole.moments is not None or coupled(self.policy, self.plans)
        self.drivers = [whole] if alone else [self._make(Lane(number, LANES)) for number in range(LANES)]
        try:
            async with asyncio.TaskGroup() as group:
                for driver in self.drivers:
                    group.create_task(driver.run())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    @property
    def facts(self) -> int:
        """How many facts have been let in."""
        return sum(driver.facts for driver in self.drivers)

    @property
    def waits(self) -> int:
        """How many waits have ended."""
        return sum(driver.waits for driver in self.drivers)

    @property
    def flips(self) -> int | None:
        """How many customers turned with time alone; none where no standing is decided."""
        judging = [driver for driver in self.drivers if driver.judging is not None]
        return sum(driver.flips for driver in judging) if judging else None

    def _make(self, lane: Lane) -> Driver:
        def progress(at: datetime, _facts: int, _waits: int) -> None:
            self.reached[lane.number] = at
            self.progress(min(self.reached.values()), self.facts, self.waits)

        return self.make(lane, progress)
