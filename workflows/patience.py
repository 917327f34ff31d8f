"""How long one attempt of a journey's activity may take, and how attempts follow each other."""

from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.common import RetryPolicy

from engine.journeys.plan import Call, Calling

ATTEMPT = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=8)
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)


@dataclass(frozen=True)
class Patience:
    """Of most activities; those of a project's own declare it."""

    attempt: timedelta = ATTEMPT
    retry: RetryPolicy = field(default_factory=lambda: RETRY)


USUAL = Patience()


def patience_of(calling: Calling) -> Patience:
    """As the activity declares it. An attempt ends itself when its time is over, and has a while to write that down."""
    if not isinstance(calling, Call):
        return USUAL
    retry = RetryPolicy(
        initial_interval=timedelta(seconds=calling.first_pause),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=calling.longest_pause),
        maximum_attempts=calling.attempts,
    )
    return Patience(timedelta(seconds=calling.timeout) + ATTEMPT, retry)
