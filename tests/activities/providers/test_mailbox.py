"""The mailbox: every message once, whole, and readable by a mail program."""

import asyncio
import stat
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from activities.providers.mailbox import Mailbox
from activities.providers.provider import Final, Retryable
from tests.activities.providers.letters import KEY, Commit, letter


def mails(directory: Path) -> list[EmailMessage]:
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(directory.iterdir())]  # type: ignore[arg-type]


async def test_a_message_becomes_a_file_that_mail_programs_open(tmp_path):
    accepted = await Mailbox(tmp_path / "deep" / "mailbox").deliver(letter(), KEY, Commit())
    (mail,) = mails(tmp_path / "deep" / "mailbox")
    assert mail["Subject"] == letter().content.subject
    assert mail["Date"].datetime == letter().at
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüß Gott!</p>"
    assert (tmp_path / "deep" / "mailbox" / accepted.provider_id).is_file()


async def test_the_same_key_is_delivered_once_and_changes_nothing(tmp_path):
    mailbox = Mailbox(tmp_path)
    first = await mailbox.deliver(letter(), KEY, Commit())
    before = (tmp_path / first.provider_id).stat()
    second = await mailbox.deliver(letter(subject="other words"), KEY, Commit())
    after = (tmp_path / first.provider_id).stat()
    assert first == second
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(mails(tmp_path)) == 1


async def test_many_deliveries_of_one_key_at_once_are_one(tmp_path):
    mailbox = Mailbox(tmp_path)
    await asyncio.gather(*(mailbox.deliver(letter(), KEY, Commit()) for _ in range(20)))
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"]


async def test_the_mailbox_is_keyed_and_announces_no_point_of_no_return(tmp_path):
    commit = Commit()
    await Mailbox(tmp_path).deliver(letter(), KEY, commit)
    assert Mailbox.takes_idempotency_key
    assert commit.times == 0


async def test_only_the_owner_can_read_the_mails(tmp_path):
    accepted = await Mailbox(tmp_path).deliver(letter(), KEY, Commit())
    assert stat.S_IMODE((tmp_path / accepted.provider_id).stat().st_mode) == 0o600


async def test_a_mailbox_that_cannot_be_written_to_is_tried_again(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Retryable) as caught:
        await Mailbox(tmp_path / "file").deliver(letter(), KEY, Commit())
    assert caught.value.reason == "mailbox_unwritable"


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("activities.providers.mailbox.os.fsync", full)
    with pytest.raises(Retryable, match="No space left"):
        await Mailbox(tmp_path).deliver(letter(), KEY, Commit())
    assert list(tmp_path.iterdir()) == []


async def test_a_recipient_that_is_no_address_is_final(tmp_path):
    with pytest.raises(Final) as caught:
        await Mailbox(tmp_path).deliver(letter(recipient="anna"), KEY, Commit())
    assert caught.value.reason == "invalid_address"
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("link", "one_click"),
    [("https://shop.example/u?c=1", "List-Unsubscribe=One-Click"), ("mailto:shop@linden.example?subject=x", None)],
)
async def test_a_message_that_can_be_refused_says_where(tmp_path, link, one_click):
    await Mailbox(tmp_path).deliver(letter(unsubscribe=link), KEY, Commit())
    (mail,) = mails(tmp_path)
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == one_click


async def test_a_message_without_html_is_plain_text(tmp_path):
    await Mailbox(tmp_path).deliver(letter(html=None), KEY, Commit())
    (mail,) = mails(tmp_path)
    assert mail.get_content_type() == "text/plain"
