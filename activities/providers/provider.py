"""What every provider of a channel promises, and the three ways in which it may fail.

A provider is asked to deliver one message under a key and answers with the provider's own id, or raises one of
`Retryable`, `Final` and `InDoubt`. `reason` is a stable word that is stored and shown; `detail` explains it to an
operator. Neither ever holds an address, a name, a text or a password: both end up in workflow histories.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from engine.messages.message import OutgoingMessage

BeforeCommit = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message; `provider_id` finds it there again."""

    provider_id: str


class DeliveryError(Exception):
    """A message that was not, or not surely, accepted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Retryable(DeliveryError):  # noqa: N818 -- it names what happened, not a fault of ours
    """Surely not accepted, and worth another try, not before `retry_after` if the provider named a time."""

    def __init__(self, reason: str, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after


class Final(DeliveryError):  # noqa: N818 -- it names what happened, not a fault of ours
    """Surely not accepted, and never will be: this recipient or this message is refused."""


class InDoubt(DeliveryError):  # noqa: N818 -- it names what happened, not a fault of ours
    """The message was handed over and no answer came: nobody here knows whether it was accepted."""


class Provider(Protocol):
    """Delivers messages of one channel.

    With `takes_idempotency_key`, a second delivery under the same key has no second effect, so it is safe to ask again
    after a crash. Without it the provider awaits `before_commit` once, immediately before the point of no return: what
    fails before was surely not sent, and a crash after it leaves a doubt. If `before_commit` raises, nothing is sent
    and its exception is passed on. A provider with keys does not call it.
    """

    @property
    def name(self) -> str:
        """The name that policy.yaml calls it by."""
        ...

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether delivering the same key twice has one effect."""
        ...

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Hands the message over, within a bounded time.

        Raises:
            Retryable: it was surely not accepted; try again later.
            Final: it is refused for good.
            InDoubt: it may or may not have been accepted.
        """
        ...
