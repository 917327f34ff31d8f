"""Any service that takes messages over HTTP: how it is asked and what its answers mean stands in policy.yaml.

    channels:
      push:
        provider: http
        address: customer
        request:
          idempotency_key: true
          body: {user: "{{ recipient }}", title: "{{ subject }}", text: "{{ text }}"}
          accepted: {id: id}

Its address and secrets come from the environment. A request bears the message's key as `Idempotency-Key`, the same for
every attempt, and, with a secret, a signature with its time.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from activities.providers.http_answers import judge
from activities.providers.http_exchange import Exchange
from activities.providers.http_settings import HttpSettings, http_settings
from activities.providers.provider import Accepted, BeforeCommit
from activities.providers.settings import ProviderSettingError
from activities.providers.signature import SIGNATURE, signature
from engine.messages.message import OutgoingMessage
from engine.messages.mime import key_hash
from engine.messages.requests import CONTENT_TYPES, request_content, request_values
from engine.policy import Channel, Request

_AGENT = "Regulars"
_SHOWN_KEY = 32


class Http:
    """Posts each message to one service."""

    name = "http"

    def __init__(self, settings: HttpSettings, request: Request, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.request = request
        self._clock = clock
        self._exchange = Exchange(settings.guard, settings.seconds, settings.tls)

    @classmethod
    def from_environment(cls, channel: str, policy: Channel, environment: Mapping[str, str]) -> "Http":
        """Reads the variables of the channel, `REGULARS_HTTP_<CHANNEL>_URL` and its like.

        Raises:
            ProviderSettingError: they are absent or wrong, or policy.yaml says nothing of the request.
        """
        return cls(http_settings(channel, environment), needed_request(channel, policy))

    @property
    def takes_idempotency_key(self) -> bool:
        """As policy.yaml says of the service."""
        return self.request.idempotency_key

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Posts the message.

        Raises:
            Retryable: it was surely not accepted; try again later.
            Final: it is refused for good.
            InDoubt: it may or may not have been accepted.
            TemplateError: the request cannot be filled in.
        """
        content = request_content(self.request, request_values(message, key))
        reply = await self._exchange.post(
            self.settings.url,
            content,
            self._headers(content, key),
            None if self.takes_idempotency_key else before_commit,
        )
        accepted = judge(self.request, reply, datetime.fromtimestamp(self._clock(), UTC))
        return Accepted(accepted.provider_id or key_hash(key)[:_SHOWN_KEY])

    def _headers(self, content: bytes, key: str) -> dict[str, str]:
        headers = {
            "Content-Type": CONTENT_TYPES[self.request.encode],
            "Accept": "application/json",
            "User-Agent": _AGENT,
            "Idempotency-Key": key_hash(key),
            **self.settings.headers,
        }
        if self.settings.secret:
            headers[SIGNATURE] = signature(self.settings.secret, content, int(self._clock()))
        return headers


def needed_request(channel: str, policy: Channel) -> Request:
    """What policy.yaml says of the channel's requests.

    Raises:
        ProviderSettingError: nothing.
    """
    if policy.request is None:
        raise ProviderSettingError(
            code="http-request-missing",
            setting=f"policy.yaml: channels: {channel}: request",
            found="nothing",
            expected="what the service is to be told",
            hint='for example request: {body: {to: "{{ recipient }}", text: "{{ text }}"}}',
        )
    return policy.request
