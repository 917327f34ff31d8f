"""Short messages over HTTP."""

from urllib.parse import parse_qs

import pytest

from activities.providers import make_provider
from activities.providers.mailbox import Mailbox
from activities.providers.provider import Accepted, Final
from engine.messages.message import OutgoingMessage, Rendered
from engine.policy import AcceptedAnswer, Channel, Request
from tests.activities.providers.http_servers import Says, Service, serving
from tests.activities.providers.letters import KEY, Commit, letter

REQUEST = Request(
    encode="form",
    body={
        "To": "{{ recipient }}",
        "From": "{{ sender }}",
        "Body": "{{ text }}",
        "Parts": "{{ segments }} {{ encoding }}",
    },
    accepted=AcceptedAnswer(body={"status": ("queued",)}, id="sid"),
)


def text(words: str = "Grüße: 5 €", recipient: str = "+4915112345678") -> OutgoingMessage:
    return letter(sender="Linden", recipient=recipient, address="phone", content=Rendered("", words, None, "de"))


def sms(service: Service):
    settings = {"REGULARS_HTTP_SMS_URL": service.url, "REGULARS_ALLOWED_ADDRESSES": "127.0.0.1"}
    return make_provider("sms", Channel(provider="sms", address="phone", form="sms", request=REQUEST), settings)


@pytest.mark.parametrize(
    ("words", "parts"), [("Grüße: 5 €", "1 gsm-7"), ("a" * 161, "2 gsm-7"), ("Grüße 🎉", "1 ucs-2")]
)
async def test_a_text_goes_to_the_phone_with_its_length(words, parts):
    async with serving(Service([Says(201, {"status": "queued", "sid": "SM1"})])) as service:
        accepted = await sms(service).deliver(text(words), KEY, Commit())
    assert accepted == Accepted("SM1")
    assert parse_qs(service.told[0].content.decode()) == {
        "To": ["+4915112345678"], "From": ["Linden"], "Body": [words], "Parts": [parts],
    }  # fmt: skip


@pytest.mark.parametrize("number", ["015112345678", "anna@example.invalid", "", "+49 151 1"])
async def test_a_number_that_is_not_international_is_refused_before_anything_is_sent(number):
    async with serving(Service()) as service:
        with pytest.raises(Final) as caught:
            await sms(service).deliver(text(recipient=number), KEY, Commit())
    assert caught.value.reason == "invalid_address"
    assert service.told == []


async def test_the_mailbox_keeps_what_goes_to_a_phone_as_a_text(tmp_path):
    accepted = await Mailbox(tmp_path).deliver(text(), KEY, Commit())
    lines = (tmp_path / accepted.provider_id).read_text("utf-8").split("\n")
    assert accepted.provider_id.endswith(".txt")
    assert lines[:2] == ["From: Linden", "To: +4915112345678"]
    assert lines[-2:] == ["", "Grüße: 5 €"]
