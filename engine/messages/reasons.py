"""Why a message does not leave, or not yet: every reason that a reservation gives, explained in docs/messages.md."""

from typing import Literal

SkipReason = Literal[
    "stopped",
    "journey_over",
    "goal_reached",
    "killed",
    "drop_when",
    "only_if",
    "wave_over",
    "edited",
    "holdout",
    "global_holdout",
    "channel_not_configured",
    "no_address",
    "no_test_recipient",
    "suppressed",
    "no_consent",
    "held",
    "cap_reached",
]
"""It will not be sent."""

DeferReason = Literal[
    "journey_paused",
    "playbook_paused",
    "all_paused",
    "playbook_draft",
    "held",
    "quiet_hours",
    "weekday",
    "holiday",
    "blackout",
    "cap_reached",
    "capacity_reached",
    "channel_limit",
]
"""It may leave at a later instant, and is asked for again then."""

INDEFINITE = frozenset({"journey_paused", "playbook_paused", "all_paused", "playbook_draft", "held"})
"""Waiting without a known end: such messages are asked for again from time to time and keep no place for themselves."""
