"""A journey's state as plain data, for a workflow that continues as new; it is read together with its plan.

The latest way is not carried: it has been watched. Nothing is told to a branch while a journey waits everywhere, so
nothing pends.
"""

from datetime import datetime
from typing import Any

from engine.journeys.state import Position, Round, State


def to_data(state: State) -> dict[str, Any]:
    """The state as JSON data; what is empty is left out."""
    position = state.position
    data: dict[str, Any] = {
        "started_at": state.started_at.isoformat(),
        "now": state.now.isoformat(),
        "position": position and [position.index, position.awaiting, _text(position.due)],
        "arrived_at": _text(state.arrived_at),
        "outcomes": dict(state.outcomes),
        "reasons": dict(state.reasons),
        "subject": state.subject,
        "rounds": [[each.index, each.number, each.began.isoformat()] for each in state.rounds],
        "branches": [to_data(each) for each in state.branches],
        "joined": state.joined,
    }
    return {name: value for name, value in data.items() if value}


def from_data(data: dict[str, Any]) -> State:
    """The state that `to_data` gave."""
    position = data.get("position")
    return State(
        started_at=datetime.fromisoformat(data["started_at"]),
        now=datetime.fromisoformat(data["now"]),
        position=Position(position[0], position[1], _instant(position[2])) if position else None,
        arrived_at=_instant(data.get("arrived_at")),
        outcomes=tuple(data.get("outcomes", {}).items()),
        reasons=tuple(data.get("reasons", {}).items()),
        subject=data.get("subject", ""),
        rounds=tuple(Round(index, number, datetime.fromisoformat(at)) for index, number, at in data.get("rounds", ())),
        branches=tuple(from_data(each) for each in data.get("branches", ())),
        joined=data.get("joined", False),
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
