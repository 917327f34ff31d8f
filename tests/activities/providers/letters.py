"""A message to deliver, and somebody to notice the point of no return."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from engine.messages.message import OutgoingMessage, Rendered

KEY = "payment-reminder/order-1001/1/first/1/email"


def letter(**changes: Any) -> OutgoingMessage:
    content = Rendered("Ihre Bestellung 1001: für Sie", "Grüß Gott!\n.\n..\nEnde\n", "<p>Grüß Gott!</p>\n", "de")
    message = OutgoingMessage(
        sender="Linden & Sühne <shop@linden.example>",
        recipient="anna@example.invalid",
        recipient_name="Änne Müller",
        content=content,
        at=datetime(2024, 3, 8, 9, 0, tzinfo=UTC),
    )
    content = changes.pop("content", content)
    inside = {name: changes.pop(name) for name in ("subject", "text", "html") if name in changes}
    return replace(message, content=replace(content, **inside), **changes)


@dataclass
class Commit:
    """Counts how often a provider announced the point of no return; raises if told to."""

    error: Exception | None = None
    times: int = field(default=0)

    async def __call__(self) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error
