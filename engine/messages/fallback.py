"""When a message gives way to the next channel of its step: `channel: [sms, email]`.

A channel that may not be used, or reaches nobody, is passed over before anything is sent. One whose provider or wording
refused the message for good gives way too: that message stands as failed under its key, and the next channel is tried
under a key of its own. Nothing else gives way. What may have left never does, so no two channels both send; what
concerns the journey (a stop, its goal, a night) concerns every channel; and when retries are used up, so is the time.
"""

_OF_THE_CHANNEL = frozenset({"recipient_refused", "invalid_address", "address_not_supported", "message_refused"})


def gives_way(state: str, reason: str | None) -> bool:
    """Whether the next channel is tried after this one's message ended so."""
    return state == "failed" and reason is not None and (reason in _OF_THE_CHANNEL or reason.startswith("template-"))
