"""A message on its way out: what a provider is given, whatever the channel's wire format."""

from dataclasses import dataclass
from datetime import datetime

from engine.policy import AddressKind


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in for one customer. `locale` is the template's, such as `de`. A short text has no subject."""

    subject: str
    text: str
    html: str | None
    locale: str


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one recipient.

    `sender` and `recipient` are addresses (`shop@example.com`), `sender` also with a display name
    (`The Shop <shop@example.com>`); where `address` says so, the recipient is a phone number or the customer's key.
    `at` is the logical instant of the send and becomes the mail's date.
    `unsubscribe` is a `https:` or `mailto:` link; give it for every purpose that a customer can refuse.
    """

    sender: str
    recipient: str
    content: Rendered
    at: datetime
    recipient_name: str | None = None
    unsubscribe: str | None = None
    address: AddressKind = "email"
