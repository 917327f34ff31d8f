"""An activity of a project's own, as tests declare it."""

from dataclasses import dataclass
from typing import Literal

from engine.own import Call, activity


@dataclass(frozen=True)
class Points:
    points: int
    spent: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Balance:
    balance: int
    level: Literal["silver", "gold"]
    member: bool = True


@activity(name="loyalty-points", title="Gives loyalty points.", idempotency="keyed", timeout="2s")
async def loyalty_points(given: Points, call: Call) -> Balance:
    """Gives points.

    ```yaml
    call: {id: reward, activity: loyalty-points, with: {points: 50}}
    ```
    """
    return Balance(given.points * 10, "gold" if given.points > 5 else "silver")
