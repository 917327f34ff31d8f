"""A message as e-mail: plain text and HTML in one, the same mail for the same key whenever it is made."""

import hashlib
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from engine.messages.message import OutgoingMessage

# Quoted-printable and base64 pass through every server; UTF-8 in headers only where an address needs it.
POLICY = SMTP.clone(cte_type="7bit")
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,255}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class AddressError(ValueError):
    """An address that no mail can have; the text names whose, never the address."""


def to_email(message: OutgoingMessage, key: str) -> EmailMessage:
    """The mail to send.

    Its Message-ID follows from the key alone, so that a receiver can tell a repetition; its date is the logical
    instant. Nothing filled in can add a header: every value is set through the header's own type.

    Raises:
        AddressError: the sender's or the recipient's address is no address.
    """
    mail = EmailMessage(policy=POLICY)
    sender = sender_address(message)
    mail["From"] = sender
    mail["To"] = _address(recipient_address(message), message.recipient_name or "")
    mail["Subject"] = _one_line(message.content.subject)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(key, sender.domain)
    if message.unsubscribe:
        mail["List-Unsubscribe"] = f"<{_link(message.unsubscribe)}>"
        if message.unsubscribe.startswith("https:"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.content.text, cte="quoted-printable")
    if message.content.html is not None:
        mail.add_alternative(message.content.html, subtype="html", cte="quoted-printable")
        mail.set_boundary(f"={key_hash(key)[:40]}=")  # else it is random, and the same key gives other bytes
    mail["Content-Language"] = message.content.locale
    return mail


def key_hash(key: str) -> str:
    """The key as 64 hexadecimal digits: it holds an order's number, which strangers need not see."""
    return hashlib.sha256(key.encode()).hexdigest()


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a key."""
    return f"<{key_hash(key)[:32]}@{_ascii(domain)}>"


def default_unsubscribe(sender: str) -> str:
    """A `mailto:` to the sender, for shops without an unsubscribe page."""
    return f"mailto:{parseaddr(sender)[1]}?subject=unsubscribe"


def recipient_address(message: OutgoingMessage) -> str:
    """The recipient's bare address.

    Raises:
        AddressError: it is no address.
    """
    if _ADDRESS.fullmatch(message.recipient) is None:
        raise AddressError("the recipient's address is no e-mail address")
    return message.recipient


def sender_address(message: OutgoingMessage) -> Address:
    """The sender with its display name.

    Raises:
        AddressError: it is no address.
    """
    name, address = parseaddr(message.sender)
    if _ADDRESS.fullmatch(address) is None or _CONTROL.search(message.sender):
        raise AddressError("the sender's address is no e-mail address")
    return _address(address, name)


def _address(address: str, name: str) -> Address:
    local, _, domain = address.rpartition("@")
    try:
        return Address(display_name=_one_line(name), username=local, domain=_ascii(domain))
    except (ValueError, MessageError, IndexError) as error:
        raise AddressError("an address is no e-mail address") from error


def _ascii(domain: str) -> str:
    try:
        return domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError as error:
        raise AddressError("the domain of an address is no domain") from error


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def _link(link: str) -> str:
    if not re.fullmatch(r"(https?|mailto):[^\s<>\x00-\x20]+", link):
        raise AddressError("the unsubscribe link is no https: or mailto: link")
    return link
