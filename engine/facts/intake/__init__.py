"""Event intake: what a shop tells becomes facts, exactly once, or is refused and kept."""

from engine.facts.intake.record import read_event, record, record_json, record_many, replay_refused

__all__ = ["read_event", "record", "record_json", "record_many", "replay_refused"]
