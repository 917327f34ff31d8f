"""What couples customers in a simulation: places in capacities, and the tokens of channels, in memory.

It gives what the tables `capacity_use` and `channel_limits` give in operation, to whoever comes first on the virtual
clock; customers that share it are to be lived through together, in the order of their instants.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from engine.messages.capacities import Given, Place, Wish, changes_of, concerned, find_places
from engine.messages.channel_limit import Bucket, Claim, Queued, Token, claimed
from engine.policy import Limit, Policy


@dataclass
class Room:
    """The places and tokens of one simulation. `numbers` counts its journeys."""

    policy: Policy
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    _use: dict[tuple[str, str, datetime], dict[int, list[int]]] = field(default_factory=dict)
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def ask(self, wish: Wish, moment: datetime, own: Collection[str], *, promised: bool) -> Given:
        """Places now or later; see `engine.messages.capacities.ask_for_places`."""
        capacities = concerned(self.policy, wish)
        if not capacities:
            return Given(())
        self.change(own, (), were_promised=promised, are_promised=False)
        try:
            return find_places(self.policy, capacities, self._use, wish, moment)  # type: ignore[arg-type]  # pairs
        finally:
            self.change((), own, were_promised=False, are_promised=promised)

    def change(
        self, before: Collection[str], after: Collection[str], *, were_promised: bool, are_promised: bool
    ) -> None:
        """Counts how a message's places change."""
        changed = changes_of(before, after, were_promised=were_promised, are_promised=are_promised)
        for name, (used, promised) in changed.items():
            place = Place.parse(name)
            window = self._use.setdefault((place.capacity, place.span, place.starts_at.astimezone(UTC)), {})
            counted = window.setdefault(place.rank, [0, 0])
            counted[0] += used
            counted[1] += promised

    def token(self, channel: str, limit: Limit, moment: datetime, claim: Claim) -> Token | Queued:
        """A token or a turn in the queue; see `engine.messages.channel_limit.take`."""
        bucket = self._buckets.get(channel) or Bucket.full(limit, moment)
        self._buckets[channel], answer = claimed(bucket.filled(limit, moment), limit, moment, claim)
        return answer
