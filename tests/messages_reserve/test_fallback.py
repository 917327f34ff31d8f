"""The next channel is tried when one refuses for good, under its own key, never beside one that may have sent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.deliver import Deliver
from activities.providers import providers
from activities.providers.provider import Provider
from engine.composition import context
from engine.journeys.wire import Answer
from engine.messages.fallback import gives_way
from tests.activities.providers.http_servers import Says, Service, hang_up, serving
from tests.activities.providers.servers import Inbox, smtp_server
from tests.messages_reserve.asking import BEFORE, NOON, Asking, rules
from tests.workflows.rules import POLICY
from tests.workflows.shop import ZENOBIA

REFUSES, TAKES = Says(400, {"code": 21614}), Says(201, {"sid": "SM1"})
REQUEST = (
    '{body: {to: "{{ recipient }}", text: "{{ text }}"}, accepted: {id: sid},'
    " answers: [{http: 400, body: {code: 21614}, means: recipient_refused}]}"
)
CHANNELS = f"    sms: {{provider: http, in_doubt: IN_DOUBT, request: {REQUEST}}}\n"
HOLD = POLICY.replace("mailbox", "smtp") + CHANNELS.replace("IN_DOUBT", "hold")
RESEND = POLICY.replace("mailbox", "smtp") + CHANNELS.replace("IN_DOUBT", "resend")
KEYED = HOLD.replace("request: {", "request: {idempotency_key: true, ")
BOTH_ENDS = ["sms", "email"]


class Sending:
    """Runs the activity `deliver` as a worker does, with real providers."""

    def __init__(self, shop: Any, channels: dict[str, Provider]) -> None:
        self.shop, self.channels = shop, channels

    async def __call__(self, **changes: Any) -> Answer:
        shared = replace(context(self.shop.pool, self.shop.rules, self.channels, self.shop.versions), now=lambda: NOON)
        request = replace(Asking(self.shop).request(), channels=BOTH_ENDS, **changes)
        return await ActivityEnvironment().run(Deliver(shared).deliver, request)


@pytest.fixture
def sending(open_shop):
    def made(service: Service, port: int, policy: str = HOLD, **placed: Any) -> Sending:
        shop = open_shop(rules(policy=policy))
        shop.place(at=BEFORE, **placed)
        settings = {
            "REGULARS_HTTP_SMS_URL": service.url,
            "REGULARS_ALLOWED_ADDRESSES": "127.0.0.1",
            "REGULARS_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=never",
        }
        return Sending(shop, providers(shop.rules.policy.channels, settings))

    return made


def keys(shop):
    return [row["key"].rpartition("/")[2] for row in shop.rows("select key from messages order by id")]


async def test_a_number_that_is_unknown_gives_way_to_the_address(sending):
    inbox = Inbox()
    async with serving(Service([REFUSES])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        assert await send() == Answer(NOON, "sent")
        assert await send() == Answer(NOON, "sent")  # asked again after a crash: nothing is sent again
    assert send.shop.messages() == [
        ("first", "sms", "failed", "recipient_refused"),
        ("first", "email", "sent", None),
    ]
    assert keys(send.shop) == BOTH_ENDS
    assert len(service.told) == len(inbox.mails) == 1
    assert send.shop.row("select channel, reason from suppressions") == {"channel": "sms", "reason": "bounced"}


async def test_the_first_channel_that_takes_it_is_the_only_one(sending):
    inbox = Inbox()
    async with serving(Service([TAKES])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        assert await send() == Answer(NOON, "sent")
    assert send.shop.messages() == [("first", "sms", "sent", None)]
    assert inbox.mails == []


async def test_where_every_channel_refuses_the_last_ones_reason_is_told(sending):
    inbox = Inbox(refuse={ZENOBIA["email"]: "550 5.1.1 unknown"})
    async with serving(Service([Says(422)])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        assert await send() == Answer(NOON, "failed", "recipient_refused")
        assert await send() == Answer(NOON, "failed", "recipient_refused")
    assert send.shop.messages() == [
        ("first", "sms", "failed", "message_refused"),
        ("first", "email", "failed", "recipient_refused"),
    ]


async def test_where_no_other_channel_may_be_used_the_refusal_stands(sending):
    inbox = Inbox()
    async with serving(Service([REFUSES])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        send.shop.execute(
            "insert into consents (customer_id, purpose, channel, granted, at)"
            " select id, 'service', 'email', false, %s from customers",
            BEFORE,
        )
        assert await send() == Answer(NOON, "failed", "recipient_refused")
    assert send.shop.messages() == [("first", "sms", "failed", "recipient_refused")]
    assert inbox.mails == []


async def test_what_may_have_left_never_gives_way(sending):
    inbox = Inbox()
    async with serving(Service([hang_up, REFUSES])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        assert await send() == Answer(NOON, "in_doubt", "connection_lost")
        assert await send() == Answer(NOON, "in_doubt", "connection_lost")
    assert send.shop.messages() == [("first", "sms", "in_doubt", "connection_lost")]
    assert inbox.mails == []


async def test_a_refusal_of_the_second_copy_says_nothing_of_the_first_without_a_key(sending):
    inbox = Inbox()
    async with serving(Service([hang_up, REFUSES])) as service, smtp_server(inbox) as port:
        send = sending(service, port, RESEND)
        with pytest.raises(ApplicationError):
            await send()
        assert await send() == Answer(NOON, "in_doubt", "refused_after_doubt")
    assert send.shop.messages() == [("first", "sms", "in_doubt", "refused_after_doubt")]
    assert inbox.mails == []


async def test_a_service_with_keys_tells_what_became_of_the_first_and_then_gives_way(sending):
    inbox = Inbox()
    async with serving(Service([hang_up, REFUSES])) as service, smtp_server(inbox) as port:
        send = sending(service, port, KEYED)
        with pytest.raises(ApplicationError) as caught:
            await send()
        assert (caught.value.type, send.shop.messages()) == ("connection_lost", [("first", "sms", "in_flight", None)])
        assert await send() == Answer(NOON, "sent")
    assert {told.headers["idempotency-key"] for told in service.told} == {service.told[0].headers["idempotency-key"]}
    assert len(service.told) == 2
    assert keys(send.shop) == BOTH_ENDS


async def test_a_service_that_is_busy_does_not_give_way(sending):
    inbox = Inbox()
    async with serving(Service([Says(429, b"", {"Retry-After": "7"}), TAKES])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        with pytest.raises(ApplicationError) as caught:
            await send()
        assert caught.value.next_retry_delay == timedelta(seconds=7)
        assert await send() == Answer(NOON, "sent")
    assert send.shop.messages() == [("first", "sms", "sent", None)]
    assert inbox.mails == []


async def test_a_payment_between_two_channels_stops_the_second(sending):
    inbox = Inbox()
    async with smtp_server(inbox) as port, serving(Service([REFUSES])) as service:
        send = sending(service, port)

        async def refuses_and_is_paid(writer):
            send.shop.pay(at=BEFORE)
            writer.write(REFUSES.to_bytes())

        service.answers = [refuses_and_is_paid]
        answer = await send()
    assert (answer.outcome, answer.reason, answer.stopped) == ("skipped", "stopped", "order.paid")
    assert send.shop.messages() == [
        ("first", "sms", "failed", "recipient_refused"),
        ("first", "email", "skipped", "stopped"),
    ]
    assert inbox.mails == []


async def test_one_recipient_who_is_refused_and_one_without_a_name_stop_and_repeat_nobody_else(sending):
    inbox = Inbox(refuse={"n-2@example.net": "550 5.1.1 unknown"})
    async with serving(Service([Says(422)])) as service, smtp_server(inbox) as port:
        send = sending(service, port)
        for number in ("N-2", "N-3", "N-4"):
            person = {**ZENOBIA, "email": f"{number.lower()}@example.net"}
            if number == "N-3":
                del person["given_name"]  # which the template asks for
            send.shop.place(number, customer=number, at=BEFORE, person=person)
        journeys = [send.shop.journey(number)["id"] for number in ("N-1001", "N-2", "N-3", "N-4")]
        answers = [await send(journey=journey) for journey in (*journeys, *journeys)]
    assert [answer.reason for answer in answers[:4]] == [None, "recipient_refused", "template-value", None]
    assert answers[4:] == answers[:4]
    assert [mail["To"] for mail in inbox.mails] == [ZENOBIA["email"], "n-4@example.net"]


@pytest.mark.parametrize(
    ("state", "reason", "way"),
    [
        ("failed", "recipient_refused", True),
        ("failed", "template-short-text", True),
        ("failed", "settled_as_not_sent", False),
        ("failed", "retries_used_up", False),
        ("failed", "login_refused", False),
        ("in_doubt", "recipient_refused", False),
        ("skipped", "stopped", False),
        ("sent", None, False),
    ],
)
def test_only_a_refusal_for_good_gives_way(state, reason, way):
    assert gives_way(state, reason) is way
