"""Activities of a project's own: one decorated Python file each, which the language, editors and the worker pick up."""

from engine.own.declare import Call, Idempotency, OwnActivity, Refused, Retry, TryAgain, activity

__all__ = ["Call", "Idempotency", "OwnActivity", "Refused", "Retry", "TryAgain", "activity"]
