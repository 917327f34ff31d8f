"""Messages over HTTP, against a real server and against every way in which one fails or lies."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from activities.providers import ProviderSettingError, make_provider
from activities.providers.http import Http
from activities.providers.provider import Accepted, DeliveryError, Final, InDoubt, Retryable
from engine.messages.errors import TemplateError
from engine.messages.mime import key_hash
from engine.policy import AcceptedAnswer, AnswerRule, Channel, Request
from tests.activities.providers.http_servers import (
    Says,
    Service,
    break_off,
    hang,
    hang_up,
    reset,
    serving,
    speak_another_language,
    talk_without_end,
)
from tests.activities.providers.letters import KEY, Commit, letter
from tests.activities.providers.servers import CERTIFICATE, server_tls

BODY = {"to": "{{ recipient }}", "title": "{{ subject }}", "text": "{{ text }}", "ref": "{{ key }}", "urgent": False}
ID = AcceptedAnswer(id="message.id")
QUEUED = Says(202, {"message": {"id": "m-17"}})
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def http(service: Service, *, accepted: AcceptedAnswer = ID, seconds: float = 10, **request: object) -> Http:
    settings = {
        "REGULARS_HTTP_PUSH_URL": service.url,
        "REGULARS_HTTP_PUSH_TIMEOUT": str(seconds),
        "REGULARS_HTTP_PUSH_TOKEN": "geheim",
        "REGULARS_HTTP_PUSH_SECRET": "whsec",
        "REGULARS_ALLOWED_ADDRESSES": f"127.0.0.1:{service.port}",
    }
    channel = Channel(provider="http", request=Request(**{"body": BODY, "accepted": accepted, **request}))
    made = Http.from_environment("push", channel, settings)
    return Http(made.settings, made.request, clock=NOW.timestamp)


async def failure(provider: Http, commit: Commit | None = None, **changes: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await provider.deliver(letter(**changes), KEY, commit or Commit())
    assert not any(secret in str(caught.value) for secret in ("anna", "geheim", "whsec"))
    assert caught.value.__cause__ is None
    return caught.value


async def answered(*answers: object, **request: object) -> DeliveryError:
    async with serving(Service(answers)) as service:
        return await failure(http(service, **request))


# --- accepted -------------------------------------------------------------------------------------------------------


async def test_a_message_arrives_as_policy_words_it_and_the_services_own_id_is_kept():
    commit = Commit()
    async with serving(Service([QUEUED])) as service:
        accepted = await http(service).deliver(letter(), KEY, commit)
    (told,) = service.told
    assert accepted == Accepted("m-17")
    assert (told.method, told.target) == ("POST", "/v1/messages?shop=1")
    assert told.json == {
        "to": "anna@example.invalid",
        "title": "Ihre Bestellung 1001: für Sie",
        "text": letter().content.text,
        "ref": key_hash(KEY),
        "urgent": False,
    }
    assert told.headers["authorization"] == "Bearer geheim"
    assert told.headers["host"] == f"127.0.0.1:{service.port}"
    assert commit.times == 1


async def test_the_key_is_the_same_for_every_attempt_and_tells_no_order():
    async with serving(Service([QUEUED])) as service:
        provider = http(service)
        for key in (KEY, KEY, KEY + "2"):
            await provider.deliver(letter(), key, Commit())
    keys = [told.headers["idempotency-key"] for told in service.told]
    assert keys[0] == keys[1] != keys[2]
    assert "1001" not in keys[0]
    assert service.told[0].content == service.told[1].content


async def test_the_signature_is_that_of_the_time_and_the_bytes():
    async with serving(Service([QUEUED])) as service:
        await http(service).deliver(letter(), KEY, Commit())
    (told,) = service.told
    at = int(NOW.timestamp())
    signed = hmac.new(b"whsec", f"{at}.".encode() + told.content, hashlib.sha256).hexdigest()
    assert told.headers["regulars-signature"] == f"t={at},v1={signed}"


async def test_a_body_may_be_a_form():
    async with serving(Service([QUEUED])) as service:
        await http(service, encode="form", body={"To": "{{ recipient }}", "Body": "a&b={{ text }}"}).deliver(
            letter(text="1 & 2"), KEY, Commit()
        )
    (told,) = service.told
    assert told.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(told.content.decode()) == {"To": ["anna@example.invalid"], "Body": ["a&b=1 & 2"]}


async def test_a_value_can_neither_add_a_field_nor_run_as_a_template():
    async with serving(Service([QUEUED])) as service:
        await http(service).deliver(letter(text='", "to": "eve@example.invalid {{ 7*7 }}'), KEY, Commit())
    told = service.told[0].json
    assert told["text"] == '", "to": "eve@example.invalid {{ 7*7 }}'
    assert told["to"] == "anna@example.invalid"


async def test_a_message_is_encrypted_and_the_certificate_is_checked():
    async with serving(Service([QUEUED]), server_tls()) as service:
        settings = {
            "REGULARS_HTTP_PUSH_URL": f"https://localhost:{service.port}/",
            "REGULARS_HTTP_PUSH_CA": str(CERTIFICATE),
            "REGULARS_ALLOWED_ADDRESSES": "localhost",
        }
        channel = Channel(provider="http", request=Request(body=BODY, accepted=ID))
        trusting = make_provider("push", channel, settings)
        assert await trusting.deliver(letter(), KEY, Commit()) == Accepted("m-17")
        error = await failure(Http.from_environment("push", channel, {**settings, "REGULARS_HTTP_PUSH_CA": ""}))
    assert (type(error), error.reason) == (Retryable, "tls_failed")
    assert service.told[0].headers["host"] == f"localhost:{service.port}"


async def test_without_an_id_of_the_services_our_own_key_finds_the_message():
    async with serving(Service([Says(204)])) as service:
        accepted = await http(service, accepted=AcceptedAnswer()).deliver(letter(), KEY, Commit())
    assert service.told[0].headers["idempotency-key"].startswith(accepted.provider_id)


async def test_a_service_with_keys_is_told_again_without_a_point_of_no_return():
    commit = Commit(RuntimeError("not to be called"))
    async with serving(Service([QUEUED])) as service:
        provider = http(service, idempotency_key=True)
        assert provider.takes_idempotency_key
        await provider.deliver(letter(), KEY, commit)
    assert commit.times == 0


# --- a service that lies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"error": "unknown recipient anna@example.invalid"},
        {"errors": [{"code": 4}]},
        {"success": False, "message": {"id": "m-1"}},
        {"status": "failed", "message": {"id": "m-1"}},
        b"<html>please log in</html>",
        b"",
        {"message": {}},
        {"message": {"id": "x" * 500}},
        [],
    ],
)
async def test_success_with_the_body_of_an_error_is_not_taken_as_accepted(body):
    error = await answered(Says(200, body))
    assert (type(error), error.reason) == (InDoubt, "strange_answer")


async def test_an_accepting_body_is_the_one_that_policy_names():
    accepted = AcceptedAnswer(body={"status": ("queued", "sent"), "live": ("true",)}, id="sid")
    async with serving(Service([Says(200, {"status": "sent", "live": True, "sid": 7})])) as service:
        assert await http(service, accepted=accepted).deliver(letter(), KEY, Commit()) == Accepted("7")
    error = await answered(Says(200, {"status": "held", "live": True, "sid": 7}), accepted=accepted)
    assert isinstance(error, InDoubt)


async def test_what_policy_knows_of_answers_goes_before_what_status_codes_mean():
    rules = (
        AnswerRule(http=(400,), body={"error.code": ("21211", "21614")}, means="recipient_refused"),
        AnswerRule(body={"error.code": ("9",)}, means="try_later"),
        AnswerRule(http=(500,), means="try_later"),
        AnswerRule(http=(422,), means="accepted"),
    )
    refused = await answered(Says(400, {"error": {"code": 21614}}), answers=rules)
    assert (type(refused), refused.reason, refused.detail) == (Final, "recipient_refused", "HTTP 400")
    other = await answered(Says(400, {"error": {"code": 1}}), answers=rules)
    assert (type(other), other.reason) == (Final, "message_refused")
    assert isinstance(await answered(Says(200, {"error": {"code": 9}}), answers=rules), Retryable)
    assert isinstance(await answered(Says(500), answers=rules), Retryable)
    async with serving(Service([Says(422, {"error": "sent already"})])) as service:
        assert await http(service, answers=rules).deliver(letter(), KEY, Commit())


# --- refused, later, in doubt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, Final, "message_refused"),
        (410, Final, "message_refused"),
        (413, Final, "message_refused"),
        (422, Final, "message_refused"),
        (401, Retryable, "login_refused"),
        (402, Retryable, "no_credit"),
        (403, Retryable, "login_refused"),
        (404, Retryable, "url_wrong"),
        (405, Retryable, "url_wrong"),
        (408, Retryable, "try_later"),
        (425, Retryable, "try_later"),
        (429, Retryable, "try_later"),
        (503, Retryable, "try_later"),
        (409, InDoubt, "strange_answer"),
        (500, InDoubt, "strange_answer"),
        (502, InDoubt, "strange_answer"),
        (504, InDoubt, "strange_answer"),
    ],
)
async def test_each_status_means_one_thing(status, kind, reason):
    error = await answered(Says(status, {"error": "anna@example.invalid"}))
    assert (type(error), error.reason, error.detail.partition(",")[0]) == (kind, reason, f"HTTP {status}")


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta(0)),
        ("99999999999", timedelta(hours=1)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_asks_to_be_left_alone_is(status, header, pause):
    error = await answered(Says(status, b"", {"Retry-After": header}))
    assert isinstance(error, Retryable)
    assert error.retry_after == pause


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(status):
    async with serving(Service([QUEUED])) as elsewhere:
        error = await answered(Says(status, b"", {"Location": elsewhere.url}))
    assert (type(error), error.reason) == (Retryable, "redirected")
    assert elsewhere.told == []


@pytest.mark.parametrize("misbehave", [reset, hang_up, speak_another_language])
async def test_nobody_knows_what_became_of_a_message_when_the_connection_is_lost_after_it(misbehave):
    commit = Commit()
    async with serving(Service([misbehave])) as service:
        error = await failure(http(service), commit)
    assert (type(error), error.reason) == (InDoubt, "connection_lost")
    assert commit.times == 1
    assert len(service.told) == 1


async def test_a_service_that_never_answers_is_not_waited_for():
    async with serving(Service([hang])) as service:
        error = await failure(http(service, seconds=0.2))
    assert (type(error), error.reason) == (InDoubt, "no_answer")


@pytest.mark.parametrize("misbehave", [talk_without_end, break_off])
async def test_an_answer_without_an_end_is_not_read_to_it(misbehave):
    error = await answered(misbehave)
    assert (type(error), error.reason) == (InDoubt, "strange_answer")


async def test_a_packed_answer_is_not_unpacked():
    error = await answered(Says(200, b"\x1f\x8b" + b"0" * 40, {"Content-Encoding": "gzip"}))
    assert isinstance(error, InDoubt)


async def test_where_nobody_listens_nothing_was_sent():
    commit = Commit()
    async with serving(Service([QUEUED])) as service:
        provider = http(service)
    error = await failure(provider, commit)
    assert (type(error), error.reason) == (Retryable, "server_unreachable")
    assert commit.times == 0


async def test_nothing_is_sent_if_the_point_of_no_return_cannot_be_written_down():
    async with serving(Service([QUEUED])) as service:
        with pytest.raises(RuntimeError, match="database is away"):
            await http(service).deliver(letter(), KEY, Commit(RuntimeError("database is away")))
    assert service.told == []


async def test_a_refused_recipient_stops_nobody_else():
    async with serving(Service([Says(422), QUEUED])) as service:
        provider = http(service)
        error = await failure(provider)
        accepted = await provider.deliver(letter(recipient="bert@example.invalid"), KEY + "b", Commit())
    assert isinstance(error, Final)
    assert accepted == Accepted("m-17")


async def test_many_messages_at_once_get_each_its_own_answer():
    async with serving(Service([QUEUED])) as service:
        provider = http(service)
        keys = [f"{KEY}-{number}" for number in range(40)]
        await asyncio.gather(*(provider.deliver(letter(), key, Commit()) for key in keys))
    assert {told.headers["idempotency-key"] for told in service.told} == set(map(key_hash, keys))


async def test_an_oversized_request_is_refused_before_it_is_sent():
    async with serving(Service([QUEUED])) as service:
        with pytest.raises(TemplateError) as caught:
            await http(service).deliver(letter(text="ü" * 200_000), KEY, Commit())
    assert caught.value.code == "template-too-much"
    assert service.told == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ recipent }}", "template-variable-unknown"),
        ("{{ text.__class__ }}", "template-variable-unknown"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", "template-too-much"),
        ("{{ text", "template-syntax"),
        ("{{ html }}", "template-value"),
    ],
)
async def test_a_request_that_cannot_be_filled_in_is_not_sent(text, code):
    async with serving(Service([QUEUED])) as service:
        with pytest.raises(TemplateError) as caught:
            await http(service, body={"to": {"deep": [text]}}).deliver(letter(html=None), KEY, Commit())
    assert (caught.value.code, caught.value.file) == (code, "request.body.to.deep.0")
    assert service.told == []


# --- settings -------------------------------------------------------------------------------------------------------


def refusal(**settings: str) -> ProviderSettingError:
    given = {f"REGULARS_HTTP_PUSH_{name}": value for name, value in settings.items() if name != "ALLOWED"}
    given["REGULARS_ALLOWED_ADDRESSES"] = settings.get("ALLOWED", "")
    with pytest.raises(ProviderSettingError) as caught:
        make_provider("push", Channel(provider="http", request=Request(body=BODY)), given)
    assert "geheim" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("settings", "code", "setting"),
    [
        ({}, "http-url-missing", "URL"),
        ({"URL": "http://api.example.com/"}, "http-url-unencrypted", "URL"),
        ({"URL": "https://127.0.0.1/"}, "http-address-blocked", "URL"),
        ({"URL": "ftp://api.example.com/"}, "http-setting-wrong", "URL"),
        ({"URL": "https://"}, "http-setting-wrong", "URL"),
        ({"URL": "https://user:geheim@api.example.com/"}, "http-setting-wrong", "URL"),
        ({"URL": "https://h/", "TIMEOUT": "100"}, "http-setting-wrong", "TIMEOUT"),
        ({"URL": "https://h/", "TIMEOUT": "soon"}, "http-setting-wrong", "TIMEOUT"),
        ({"URL": "https://h/", "TOKEN": "geheim\r\nX: y"}, "http-setting-wrong", "TOKEN"),
        ({"URL": "https://h/", "HEADER": "geheim"}, "http-setting-wrong", "HEADER"),
        ({"URL": "https://h/", "CA": "/nowhere.pem"}, "http-setting-wrong", "CA"),
    ],
)
def test_what_is_wrong_with_the_settings_is_told_without_a_secret(settings, code, setting):
    error = refusal(**settings)
    assert (error.code, error.setting) == (code, f"REGULARS_HTTP_PUSH_{setting}")


def test_a_channel_without_a_request_is_told_so():
    with pytest.raises(ProviderSettingError) as caught:
        make_provider("push", Channel(provider="http"), {"REGULARS_HTTP_PUSH_URL": "https://h/"})
    assert (caught.value.code, caught.value.setting) == ("http-request-missing", "policy.yaml: channels: push: request")


def test_secrets_are_not_shown():
    settings = {
        "REGULARS_HTTP_PUSH_URL": "https://h/?key=geheim",
        "REGULARS_HTTP_PUSH_TOKEN": "geheim",
        "REGULARS_HTTP_PUSH_SECRET": "geheim",
    }
    made = Http.from_environment("push", Channel(provider="http", request=Request(body=BODY)), settings)
    assert "geheim" not in repr(made.settings)


async def test_a_login_may_be_a_user_and_a_password_or_a_header():
    async with serving(Service([QUEUED])) as service:
        settings = {
            "REGULARS_HTTP_PUSH_URL": service.url,
            "REGULARS_HTTP_PUSH_USER": "shop",
            "REGULARS_HTTP_PUSH_PASSWORD": "geheim",
            "REGULARS_HTTP_PUSH_HEADER": "X-Api-Key: abc",
            "REGULARS_ALLOWED_ADDRESSES": "127.0.0.1",
        }
        channel = Channel(provider="http", request=Request(body={"n": 1}))
        await make_provider("push", channel, settings).deliver(letter(), KEY, Commit())
    told = service.told[0].headers
    assert (told["authorization"], told["x-api-key"]) == ("Basic c2hvcDpnZWhlaW0=", "abc")
    assert json.loads(service.told[0].content) == {"n": 1}
    assert "regulars-signature" not in told
