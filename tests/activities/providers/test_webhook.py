"""Webhooks: signed, keyed, ids alone, and never into the house."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from activities.providers.http_exchange import Exchange
from activities.providers.provider import DeliveryError, Final, Retryable
from activities.providers.settings import ProviderSettingError
from activities.providers.webhook import Webhooks
from tests.activities.providers.http_servers import Says, Service, hang, hang_up, reset, serving

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "win-back/customer-7/1/tell/1"
CONTENT = {"journey": 7, "customer": 12, "what": "unpaid", "at": NOW.isoformat(), "flags": [True, None]}


def webhooks(allowed: str = "127.0.0.1", limit: str = "") -> Webhooks:
    settings = {
        "REGULARS_WEBHOOK_SECRET": "whsec",
        "REGULARS_WEBHOOK_TIMEOUT": limit,
        "REGULARS_ALLOWED_ADDRESSES": allowed,
    }
    made = Webhooks.from_environment(settings)
    return Webhooks(made.exchange, made.secret, NOW.timestamp)


async def failure(url: str, allowed: str = "127.0.0.1", limit: str = "", content: object = CONTENT) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await webhooks(allowed, limit).post(url, content, KEY)
    assert "whsec" not in str(caught.value)
    return caught.value


async def answered(*answers: object, limit: str = "") -> DeliveryError:
    async with serving(Service(answers)) as service:
        return await failure(service.url, limit=limit)


async def test_another_system_is_told_signed_and_under_the_same_key_each_time():
    async with serving(Service([Says(204)])) as service:
        assert await webhooks().post(service.url, CONTENT, KEY) == 204
        await webhooks().post(service.url, CONTENT, KEY)
    first, second = service.told
    assert first.json == CONTENT
    assert (first.content, first.headers["idempotency-key"]) == (second.content, second.headers["idempotency-key"])
    signed = hmac.new(b"whsec", f"{int(NOW.timestamp())}.".encode() + first.content, hashlib.sha256).hexdigest()
    assert first.headers["regulars-signature"] == f"t={int(NOW.timestamp())},v1={signed}"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "127.0.0.1",
        "127.1", "2130706433", "[::1]", "10.0.0.1", "192.168.0.1", "[fc00::1]", "localhost",
    ],
)  # fmt: skip
async def test_no_webhook_goes_into_the_house(host):
    error = await failure(f"https://{host}/latest/meta-data/", allowed="")
    assert (type(error), error.reason) == (Final, "address_blocked")


async def test_a_name_that_means_the_inside_is_blocked_when_it_is_asked():
    async def inside(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    made = webhooks(allowed="")
    exchange = Exchange(made.exchange.guard, 5, made.exchange.tls, inside)
    with pytest.raises(Final) as caught:
        await Webhooks(exchange, "s").post("https://hooks.example/", CONTENT, KEY)
    assert caught.value.reason == "address_blocked"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://h/", "javascript:alert(1)", "https://", "http://h.example/", "https://u:p@h/", "https://h/\r\nX: y"],
)
async def test_what_is_no_address_for_a_webhook_is_refused(url):
    error = await failure(url)
    assert (type(error), error.reason) == (Final, "url_wrong")


async def test_an_oversized_webhook_is_refused_before_it_is_sent():
    async with serving(Service()) as service:
        error = await failure(service.url, content={"what": "x" * 70_000})
    assert (type(error), error.reason) == (Final, "webhook_too_large")
    assert service.told == []


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, Final, "webhook_refused"),
        (410, Final, "webhook_refused"),
        (404, Retryable, "webhook_not_taken"),
        (401, Retryable, "webhook_not_taken"),
        (302, Retryable, "redirected"),
        (409, Retryable, "try_later"),
        (429, Retryable, "try_later"),
        (500, Retryable, "try_later"),
    ],
)
async def test_each_status_means_one_thing(status, kind, reason):
    error = await answered(Says(status, b"", {"Retry-After": "30", "Location": "https://127.0.0.1/"}))
    assert (type(error), error.reason) == (kind, reason)
    if reason == "try_later":
        assert error.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("misbehave", [reset, hang_up])
async def test_a_webhook_whose_answer_is_lost_is_told_again(misbehave):
    error = await answered(misbehave)
    assert (type(error), error.reason) == (Retryable, "connection_lost")


async def test_a_receiver_that_never_answers_is_not_waited_for():
    error = await answered(hang, limit="0.2")
    assert (type(error), error.reason) == (Retryable, "no_answer")


def test_without_a_secret_nothing_is_told():
    with pytest.raises(ProviderSettingError) as caught:
        Webhooks.from_environment({})
    assert (caught.value.code, caught.value.setting) == ("webhook-secret-missing", "REGULARS_WEBHOOK_SECRET")
