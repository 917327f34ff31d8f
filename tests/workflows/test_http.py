"""Whole journeys through a real service over HTTP that loses answers, refuses and is never there."""

from activities.providers import providers
from activities.providers.http_settings import variable
from tests.activities.providers.http_servers import Says, Service, hang_up, serving
from tests.activities.providers.servers import Inbox, smtp_server
from tests.workflows.rules import POLICY, REMIND_AT_ONCE, impatient, make_rules
from tests.workflows.running import engine, words
from tests.workflows.shop import ZENOBIA

REQUEST = 'request: {idempotency_key: true, body: {to: "{{ recipient }}", text: "{{ text }}"}, accepted: {id: id}}'
KEYED = POLICY.replace("mailbox", "http").replace("in_doubt: hold", REQUEST)
BOTH = POLICY.replace("mailbox", "smtp") + f"    sms: {{provider: http, {REQUEST}}}\n"
TWO_CHANNELS = REMIND_AT_ONCE.replace("channel: email", "channel: [sms, email]")


def over_http(shop, service, **more):
    urls = {variable(name, "URL"): service.url for name in shop.rules.policy.channels}
    return providers(shop.rules.policy.channels, {"REGULARS_ALLOWED_ADDRESSES": "127.0.0.1", **urls, **more})


async def test_a_service_with_keys_is_asked_again_under_the_same_key_and_its_id_is_kept(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=KEYED))
    async with (
        serving(Service([hang_up, Says(500), Says(200, {"id": "m-1"})])) as service,
        engine(shop, namespace, over_http(shop, service)) as running,
    ):
        shop.place()
        assert await running.finished() == "ended"
        seen = words(await running.history())
    assert len({told.headers["idempotency-key"] for told in service.told}) == 1
    assert len(service.told) == 3
    assert {told.json["to"] for told in service.told} == {ZENOBIA["email"]}
    assert shop.row("select state, provider_id, attempts from messages") == {
        "state": "sent",
        "provider_id": "m-1",
        "attempts": 3,
    }
    assert ZENOBIA["email"] not in seen


async def test_a_service_that_lies_until_the_end_leaves_a_doubt_a_failed_journey_and_a_task(open_shop, namespace):
    shop = open_shop(impatient(make_rules(REMIND_AT_ONCE, policy=KEYED)))
    async with (
        serving(Service([Says(200, {"error": "no credit"})])) as service,
        engine(shop, namespace, over_http(shop, service)) as running,
    ):
        shop.place()
        assert await running.finished() == "failed: strange_answer"
    assert shop.messages() == [("first", "email", "in_doubt", "strange_answer")]
    assert [(task, team) for task, team, _ in shop.tasks()] == [("journey-failed", "operations")]


async def test_a_number_that_is_refused_gives_way_to_a_mail_and_the_journey_goes_on(open_shop, namespace):
    shop = open_shop(make_rules(TWO_CHANNELS, policy=BOTH))
    inbox = Inbox()
    async with serving(Service([Says(422)])) as service, smtp_server(inbox) as port:
        channels = over_http(shop, service, REGULARS_SMTP_URL=f"smtp://127.0.0.1:{port}?starttls=never")
        async with engine(shop, namespace, channels) as running:
            shop.place()
            assert await running.finished() == "ended"
    assert shop.messages() == [("first", "sms", "failed", "message_refused"), ("first", "email", "sent", None)]
    assert len(inbox.mails) == len(service.told) == 1
    assert shop.tasks() == []
