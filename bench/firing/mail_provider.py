"""A plain mail server: it has no keys, so whatever it is given twice it delivers twice."""

import asyncio
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.firing.answers import SLOW_SECONDS, Answer, answer
from bench.firing.ledger import Ledger

_HANG_SECONDS = 120.0


class MailProvider:
    """The handler of aiosmtpd's server; one for all its connections."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._seed = seed
        self._answers: dict[Session, tuple[int, Answer]] = {}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Takes the recipient, or is busy, broken or gone."""
        chosen = answer(self._seed, address, self._ledger.nth_contact(address))
        contact = self._ledger.contact(session.host_name or "", address, chosen.kind)
        self._answers[session] = contact, chosen
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        match chosen.kind:
            case "refused":
                return "451 4.3.0 something broke"
            case "busy":
                return "451 4.7.1 too many messages, come again"
            case "reset" if not chosen.late:
                _reset(server)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes the message, and answers as it was decided."""
        contact, chosen = self._answers.pop(session)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = message_from_bytes(content, policy=policy.default)
        message, key = str(mail["Subject"]), str(mail["Message-ID"])
        self._ledger.accept(contact, envelope.rcpt_tos[0], message, key, keyed=False)
        match chosen.kind:
            case "hung":
                await asyncio.sleep(_HANG_SECONDS)
            case "reset":
                _reset(server)
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
        if server.transport is not None and not server.transport.is_closing():
            self._ledger.answered(contact)
        return "250 2.0.0 taken"


async def serve_mail(ledger: Ledger, seed: int) -> asyncio.Server:
    """Listens on a free port of loopback."""
    handler = MailProvider(ledger, seed)
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: SMTP(handler, hostname="mail.fire.test", loop=loop), "127.0.0.1", 0)


def _reset(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
