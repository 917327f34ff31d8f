"""`POST /events`: each event is answered, what is refused says why, and nobody without the token is heard."""

import json
import logging

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from engine.servers.errors import SetupError
from engine.serving.app import make_app
from engine.serving.intake import MOST_BYTES, MOST_EVENTS, Intake, events_token
from engine.serving.readiness import Readiness
from tests.workflows.shop import ZENOBIA

TOKEN = "a-token-that-is-long-enough"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PLACED = {
    "kind": "order.placed",
    "key": "placed-1",
    "at": "2026-03-02T09:00:00Z",
    "shop": "main",
    "customer": "c1",
    "order": "N-1",
    "data": {
        "payment_method": "bank_slip",
        "total": {"amount": "49.90", "currency": "EUR"},
        "customer": dict(ZENOBIA),
    },
}
PAID = {**PLACED, "kind": "order.paid", "key": "paid-1", "data": {}}
WRONG = {**PLACED, "key": "wrong-1", "data": {"total": {"amount": "12,5x", "currency": "EUR"}}}


@pytest.fixture
def make_client(shop, registry):
    def make(token: str | None = TOKEN) -> httpx.AsyncClient:
        intake = Intake(shop.pool, lambda _: shop.matcher, token, registry if token else CollectorRegistry())
        readiness = Readiness(shop.pool, None, lambda: True, lambda: False, 60)  # type: ignore[arg-type]  # not asked here
        transport = httpx.ASGITransport(app=make_app(readiness, registry, intake))
        return httpx.AsyncClient(transport=transport, base_url="http://worker", headers=BEARER)

    return make


async def test_one_event_is_accepted_and_starts_its_journey_and_told_again_it_is_known(shop, make_client) -> None:
    recent = {**PLACED, "at": shop.event("x").at.isoformat()}
    async with make_client() as client:
        first = await client.post("/events", json=recent)
        again = await client.post("/events", json=recent)
    assert first.status_code == again.status_code == 200
    assert first.json()["accepted"] == 1
    assert first.json()["events"] == [{"key": "placed-1", "answer": "accepted", "event": 1}]
    assert again.json()["known"] == 1
    assert len(shop.journeys()) == 1


async def test_a_batch_is_answered_item_by_item_and_what_is_refused_says_where_and_what_to_do(
    shop, make_client
) -> None:
    async with make_client() as client:
        answer = await client.post("/events", json=[WRONG, PAID, PLACED, 7])
    told = answer.json()
    assert answer.status_code == 200
    assert (told["accepted"], told["refused"]) == (1, 3)
    wrong, paid, placed, seven = told["events"]
    assert wrong["code"] == "contract_violation"
    assert wrong["problems"][0]["place"] == "total/amount"
    assert "12,5x" in wrong["problems"][0]["found"]
    assert wrong["problems"][0]["expected"]
    assert (paid["code"], paid["waits_for"]) == ("unknown_order", "order:main/N-1")
    assert paid["problems"][0]["place"] == "order"
    assert placed["answer"] == "accepted"
    assert seven["code"] == "malformed"
    # What waited for the order became a fact with it; the others are kept.
    assert shop.row("select count(*) as count from events")["count"] == 2
    assert shop.row("select count(*) as count from refused_events where replayed_at is null")["count"] == 2


async def test_nobody_without_the_token_is_heard(shop, make_client) -> None:
    async with make_client() as client:
        for borne in ("", "Bearer", "Bearer another-token-of-the-size", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
            answer = await client.post("/events", json=PLACED, headers={"Authorization": borne})
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "not-allowed"
            assert TOKEN not in answer.text
    async with make_client(None) as client:
        answer = await client.post("/events", json=PLACED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "events-off")
    assert shop.rows("select 1 from events") == []


UNREADABLE = (
    (b"{", 400, "not-json"),
    (b"", 400, "not-json"),
    (b"\xff\xfe", 400, "not-json"),
    (b"[" * 100_000, 400, "not-json"),
    (b"9" * 10_000, 400, "not-json"),
    (b" " * (MOST_BYTES + 1), 413, "too-much"),
    (json.dumps([1] * (MOST_EVENTS + 1)).encode(), 413, "too-much"),
)


async def test_what_cannot_be_read_is_answered_with_a_place_and_a_hint(make_client) -> None:
    async with make_client() as client:
        for body, status, code in UNREADABLE:
            answer = await client.post("/events", content=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (status, code)
            assert all(error[part] for part in ("place", "found", "expected", "hint"))


async def test_an_event_that_meets_a_fault_of_ours_does_not_take_the_others_along(shop, make_client, caplog) -> None:
    shop.execute(
        """create function refuse() returns trigger language plpgsql as $$
           begin raise exception 'a fault over %%', new.number; end $$"""
    )
    shop.execute("create trigger refuse before insert on orders for each row execute function refuse()")
    visit = {**PLACED, "kind": "customer.updated", "key": "new-1", "data": dict(ZENOBIA)}
    visit.pop("order")
    with caplog.at_level(logging.INFO, "regulars"):
        async with make_client() as client:
            answer = await client.post("/events", json=[PLACED, visit])
    assert answer.status_code == 500  # so that the shop tells them again
    assert [each["answer"] for each in answer.json()["events"]] == ["failed", "accepted"]
    assert "N-1" not in caplog.text


async def test_what_was_told_is_counted_by_answer(make_client, registry) -> None:
    async with make_client() as client:
        await client.post("/events", json=[WRONG, PLACED, PLACED])
        await client.post("/events", json=PLACED)
    text = generate_latest(registry).decode()
    assert 'regulars_events_told_total{answer="accepted"} 1.0' in text
    assert 'regulars_events_told_total{answer="known"} 2.0' in text
    assert 'regulars_events_told_total{answer="refused"} 1.0' in text


async def test_while_the_database_is_away_the_shop_is_told_to_come_again(shop, make_client) -> None:
    async with make_client() as client:
        shop.pool.close()
        answer = await client.post("/events", json=PLACED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database-away")


@pytest.mark.parametrize("token", ["short", "with a tab\tand more text", "not-ascii-ä-and-long-enough"])
def test_a_token_that_is_no_secret_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(SetupError) as refused:
        events_token({"REGULARS_EVENTS_TOKEN": token})
    assert token not in str(refused.value)
    assert events_token({}) is None
    assert events_token({"REGULARS_EVENTS_TOKEN": TOKEN}) == TOKEN
