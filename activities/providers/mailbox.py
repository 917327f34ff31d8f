"""A directory of `.eml` files, for a shop that tries Regulars out: every mail program opens them.

What goes to a phone or to an account of the shop's is no mail and becomes a `.txt` file.

Keyed: the file is named by the message's key, so the same message is there once however often it is delivered.
"""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from activities.providers.provider import Accepted, BeforeCommit, Final, Retryable
from activities.providers.settings import ProviderSettingError
from engine.messages.message import OutgoingMessage
from engine.messages.mime import AddressError, key_hash, to_email


class Mailbox:
    """Writes each message to `<directory>/<hash of the key>.eml`, or `.txt`."""

    name = "mailbox"
    takes_idempotency_key = True

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Mailbox":
        """Reads `REGULARS_MAILBOX`, a directory, which is made if need be.

        Raises:
            ProviderSettingError: it is not set.
        """
        directory = environment.get("REGULARS_MAILBOX", "")
        if not directory:
            raise ProviderSettingError(
                code="mailbox-directory-missing",
                setting="REGULARS_MAILBOX",
                found="nothing",
                expected="a directory to write mails to",
                hint="set REGULARS_MAILBOX=.regulars/mailbox",
            )
        return cls(Path(directory))

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Writes the message, unless it is there already.

        Raises:
            Retryable: the directory cannot be written to.
            Final: the recipient's address is none.
        """
        del before_commit  # a keyed provider leaves no doubt behind
        try:
            suffix, content = _file(message, key)
        except AddressError as error:
            raise Final("invalid_address", str(error)) from None
        path = self.directory / f"{key_hash(key)}{suffix}"
        try:
            await asyncio.to_thread(_write_once, path, content)
        except OSError as error:
            raise Retryable("mailbox_unwritable", error.strerror or type(error).__name__) from None
        return Accepted(path.name)


def _file(message: OutgoingMessage, key: str) -> tuple[str, bytes]:
    if message.address == "email":
        return ".eml", to_email(message, key).as_bytes()
    content = message.content
    head = {"From": message.sender, "To": message.recipient, "Subject": content.subject, "Date": message.at.isoformat()}
    lines = [f"{name}: {value}" for name, value in head.items() if value]
    return ".txt", "\n".join([*lines, "", content.text]).encode("utf-8", "replace")


def _write_once(path: Path, content: bytes) -> None:
    """The whole file under its name or none of it, even if the machine stops; what is there stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
