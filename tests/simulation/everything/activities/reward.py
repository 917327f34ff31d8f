"""An activity of the project's own; a replay never calls it."""

from pydantic import BaseModel

from engine.own import Call, activity


class Given(BaseModel):
    """What rules give it."""

    points: int


class Balance(BaseModel):
    """What it answers."""

    balance: int


@activity(name="reward", title="Gives points elsewhere.", idempotency="keyed", timeout="10s")
async def reward(given: Given, call: Call) -> Balance:
    """Gives points to the customer's account.

    ```yaml
    call: {id: reward, activity: reward, with: {points: 50}}
    ```
    """
    assert call.key
    return Balance(balance=given.points)
