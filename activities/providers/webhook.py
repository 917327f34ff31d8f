"""Tells other systems that something has happened: a signed request with ids, never with names, addresses or texts.

A receiver may hear the same thing twice (after a crash, or when its answer was lost) and knows it by the
`Idempotency-Key`; so whatever is not surely refused is tried again. Whoever wants to know more asks by the ids.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from activities.providers.addresses import AddressGuard
from activities.providers.http_answers import retry_after
from activities.providers.http_exchange import Exchange, Reply
from activities.providers.http_settings import checked_url, seconds_of, trusting
from activities.providers.provider import Final, InDoubt, Retryable
from activities.providers.settings import ProviderSettingError
from activities.providers.signature import SIGNATURE, signature
from engine.messages.mime import key_hash

SECRET, TIMEOUT, CA = "REGULARS_WEBHOOK_SECRET", "REGULARS_WEBHOOK_TIMEOUT", "REGULARS_WEBHOOK_CA"
MAX_CONTENT = 64 * 1024
"""Bytes of a webhook's body."""

Plain = str | int | bool | None
Content = Mapping[str, "Plain | Content | list[Plain]"]


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Signs and posts; one for all webhooks of a project."""

    exchange: Exchange
    secret: str
    clock: Callable[[], float] = time.time

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Webhooks":
        """Reads `REGULARS_WEBHOOK_SECRET` and, if set, `REGULARS_WEBHOOK_TIMEOUT` and `REGULARS_WEBHOOK_CA`.

        Raises:
            ProviderSettingError: there is no secret, or another setting is wrong.
        """
        secret = environment.get(SECRET, "")
        if not secret:
            hint = "set a long random text, and give it to whoever receives"
            raise ProviderSettingError("webhook-secret-missing", SECRET, "nothing", "the secret that signs", hint)
        seconds = seconds_of(environment.get(TIMEOUT, ""), TIMEOUT)
        tls = trusting(environment.get(CA, ""), CA)
        return cls(Exchange(AddressGuard.from_environment(environment), seconds, tls), secret)

    async def post(self, url: str, content: Content, key: str) -> int:
        """Tells one system, and gives the status of its answer.

        Args:
            url: where to; `https:`, unless the operator named the host.
            content: what is told: ids, instants, and words of the rules.
            key: the same for every attempt at the same thing.

        Raises:
            Retryable: it was not told, or not surely; try again.
            Final: it may not be told (`url_wrong`, `address_blocked`, `webhook_too_large`) or refuses for good
                (`webhook_refused`).
        """
        where = self._where(url)
        body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
        if len(body) > MAX_CONTENT:
            raise Final("webhook_too_large", f"{len(body) // 1024} KB, and at most {MAX_CONTENT // 1024} are sent")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Regulars",
            "Idempotency-Key": key_hash(key),
            SIGNATURE: signature(self.secret, body, int(self.clock())),
        }
        try:
            reply = await self.exchange.post(where, body, headers)
        except InDoubt as doubt:  # the receiver knows the key
            raise Retryable(doubt.reason, doubt.detail) from None
        except Retryable as failure:
            if failure.reason == "address_blocked":
                raise Final(failure.reason, failure.detail) from None
            raise
        return self._told(reply)

    def _where(self, url: str) -> httpx.URL:
        try:
            return checked_url(url, "webhook", self.exchange.guard)
        except ProviderSettingError as error:
            reason = "address_blocked" if error.code == "http-address-blocked" else "url_wrong"
            raise Final(reason, f"{error.found}; expected {error.expected}") from None

    def _told(self, reply: Reply) -> int:
        status = reply.status
        if 200 <= status < 300:
            return status
        told = f"HTTP {status}"
        if status in {408, 409, 421, 423, 425, 429} or status >= 500:
            now = datetime.fromtimestamp(self.clock(), UTC)
            raise Retryable("try_later", told, retry_after=retry_after(reply.headers, now))
        if status in {401, 403, 404, 405, 407} or status < 400:  # the shop's to mend: what waits will be told then
            raise Retryable("redirected" if status < 400 else "webhook_not_taken", told)
        raise Final("webhook_refused", told)
