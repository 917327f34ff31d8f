"""The days of the calendar on which triggers come, found once for each time zone."""

from bisect import bisect_right

from engine.conditions.operands import instant, microseconds
from engine.journeys.moments import next_moment
from engine.journeys.plan import EveryTrigger


class Days:
    """The moments of a trigger in one zone, in microseconds since the epoch, as far as somebody has asked.

    Args:
        trigger: what the rules say.
        zone: the customer's time zone.
    """

    def __init__(self, trigger: EveryTrigger, zone: str) -> None:
        self._trigger, self._zone = trigger, zone
        self._moments: list[int] = []
        self._since: int | None = None

    def after(self, at: int) -> int:
        """The first moment that is later than an instant."""
        if self._since is None or at < self._since:
            self._since, self._moments = at, []
        while not self._moments or self._moments[-1] <= at:
            self._moments.append(self._next(self._moments[-1] if self._moments else self._since))
        return self._moments[bisect_right(self._moments, at)]

    def _next(self, at: int) -> int:
        found = next_moment(self._trigger, None, self._zone, instant(at))
        assert found is not None  # the calendar goes on
        return microseconds(found)
