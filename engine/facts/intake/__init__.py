"""Event intake: what a shop tells becomes facts, exactly once, or is refused and kept."""

from engine.facts.intake.envelope import read_event
from engine.facts.intake.record import (
    WAITING,
    Sent,
    check_transaction,
    record,
    record_json,
    record_many,
    recording_round,
    replay_refused,
)

__all__ = [
    "WAITING",
    "Sent",
    "check_transaction",
    "read_event",
    "record",
    "record_json",
    "record_many",
    "recording_round",
    "replay_refused",
]
