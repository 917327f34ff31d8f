"""Customers that want the same room, lived through together: whoever comes first on the virtual clock goes first.

At one instant they go as in a replay: facts, flips, new cut-offs, moments of the calendar, each by the customers'
order, and then what journeys wait for, in the order in which they began.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime

from engine.conditions.operands import microseconds
from engine.simulation.world import MOST, WAIT, EndlessError, Turn, World


def live_together(worlds: Sequence[World], until: datetime) -> None:
    """Lives through everything before `until`.

    Args:
        worlds: of the customers, in their order; they share a room.
        until: the end, exclusive.

    Raises:
        EndlessError: with one customer it never comes to an end.
    """
    ends, turns = microseconds(until), [0] * len(worlds)
    heap: list[tuple[int, int, int, int, int]] = []
    coming: list[Turn | None] = [None] * len(worlds)

    def push(place: int) -> None:
        turn = coming[place] = worlds[place].next_turn()
        if turn is not None and turn.at < ends:
            first, second = (turn.number, place) if turn.rank == WAIT else (place, turn.number)
            heapq.heappush(heap, (turn.at, turn.rank, first, second, place))

    for place in range(len(worlds)):
        push(place)
    while heap:
        place = heapq.heappop(heap)[-1]
        turn = coming[place]
        assert turn is not None  # it is on the heap
        turns[place] += 1
        if turns[place] > MOST:
            raise EndlessError(f"more than {MOST:,} things happen")
        worlds[place].take(turn)
        push(place)
