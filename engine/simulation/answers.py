"""What the world outside answers, as a test or a response model gives it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.conditions.types import Value


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of one step. Instants in microseconds since the epoch.

    Attributes:
        failed: why the step fails for good; None: it does not.
        responses: when its message was delivered, opened, clicked, replied or bounced.
        redeemed: when its coupon is redeemed.
        closed: when its task is closed.
        fields: what a call answers, as conditions ask for it.
    """

    failed: str | None = None
    responses: Mapping[str, int] = field(default_factory=dict)
    redeemed: int | None = None
    closed: int | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)


Answers = Mapping[str, Answer]
"""By the step; a step that is not named goes well and hears nothing."""
NOTHING = Answer()
