"""A worker process: it serves what it promises, drains when it is told to end, and its logs name nobody."""

import pytest

from tests.activities.providers.servers import Inbox, smtp_server
from tests.serving.worker import SlowInbox, lines, serving_worker
from tests.workflows.fixtures import namespace, namespaces
from tests.workflows.rules import REMIND_AT_ONCE, make_rules, smtp_policy
from tests.workflows.running import until
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["namespace", "namespaces"]

pytestmark = pytest.mark.timeout(240)  # processes, each as slow to start as the machine is busy

RULES = make_rules(REMIND_AT_ONCE, policy=smtp_policy("hold"))


@pytest.fixture
def shop(database):
    shop = Shop(database, RULES)
    yield shop
    shop.close()


def placed(shop: Shop, number: str, customer: str = "c1", **person: str) -> dict:
    data = {
        "payment_method": "bank_slip",
        "total": {"amount": "49.90", "currency": "EUR"},
        "customer": {**ZENOBIA, **person},
    }
    return shop.event("order.placed", number, customer=customer, key=f"placed/{number}", data=data).to_json()


def states(shop: Shop) -> dict[str, str]:
    query = """select o.number, m.state from messages m
                 join journeys j on j.id = m.journey_id join orders o on o.id = j.order_id"""
    return {row["number"]: row["state"] for row in shop.rows(query)}


async def test_told_to_end_it_claims_no_more_and_finishes_what_it_has_begun(shop, namespace, tmp_path) -> None:
    inbox = SlowInbox()
    async with smtp_server(inbox) as port:
        told = {
            "REGULARS_DATABASE_URL": shop.url,
            "TEMPORAL_NAMESPACE": namespace,
            "REGULARS_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=never",
        }
        async with serving_worker(tmp_path, RULES, **told) as serving:
            ready = await serving.ready()
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            assert (await serving.tell(placed(shop, "N-1")))["accepted"] == 1
            await until(inbox.asked.is_set, "the message at the mail server")
            process = serving.worker.running[-1]

            process.terminate()

            async def unready():
                return (await serving.ready()).status_code == 503

            await until(unready, "the worker to say that it ends")
            assert (await serving.client.get("/health/live")).status_code == 200
            await until(lambda: "stopping" in serving.worker.log, "the dispatcher's end")
            shop.place("N-2", "c2")
            assert process.poll() is None
            assert states(shop) == {"N-1": "in_flight"}
            inbox.let.set()
            await until(lambda: process.poll() is not None, "the worker's end", seconds=60)

            assert process.returncode == 0, serving.worker.log
            assert states(shop) == {"N-1": "sent"}
            assert len(inbox.mails) == 1
            assert shop.open_rows() == 1
            serving.worker.start()
            await until(lambda: states(shop).get("N-2") == "sent", "what had come meanwhile", seconds=60)
            assert len(inbox.mails) == 2
            assert [line for line in lines(serving.worker.log) if line["level"] == "error"] == []


async def test_whatever_fails_its_logs_name_nobody(shop, namespace, tmp_path) -> None:
    """Failures that quote a customer: by the mail server, by the database in an event, and in an activity."""
    shop.execute(
        """create function tell_tale() returns trigger language plpgsql as $$
           begin raise exception 'no place for %% <%%>', new.given_name, new.email; end $$"""
    )
    shop.execute(
        """create trigger tell_tale before insert on customers for each row
           when (new.key = 'unlucky') execute function tell_tale()"""
    )
    shop.execute(
        """create function tell_tale_too() returns trigger language plpgsql as $$
           begin
               if (select key from customers where id = new.customer_id) = 'c2' then
                   raise exception 'no mail for %%', (select email from customers where id = new.customer_id);
               end if;
               return new;
           end $$"""
    )
    shop.execute(
        """create trigger tell_tale_too before insert on messages for each row execute function tell_tale_too()"""
    )
    inbox = Inbox(refuse={ZENOBIA["email"]: f"550 5.1.1 <{ZENOBIA['email']}> Zenobia does not live here"})
    async with smtp_server(inbox) as port:
        told = {
            "REGULARS_DATABASE_URL": shop.url,
            "TEMPORAL_NAMESPACE": namespace,
            "REGULARS_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=never",
            "REGULARS_LOG_LEVEL": "debug",
        }
        async with serving_worker(tmp_path, RULES, **told) as serving:
            other = {"email": "quasten@example.net", "given_name": "Quastine"}
            answers = await serving.tell(
                placed(shop, "N-1"), placed(shop, "N-2", "c2", **other), placed(shop, "N-3", "unlucky")
            )
            assert [each["answer"] for each in answers["events"]] == ["accepted", "accepted", "failed"]
            await until(lambda: states(shop).get("N-1") == "failed", "the refused message")
            await until(lambda: "an activity failed unforeseen" in serving.worker.log, "the failing activity")
            metrics = (await serving.client.get("/metrics")).text
            serving.worker.running[-1].terminate()
            await until(lambda: serving.worker.running[-1].poll() is not None, "the worker's end", seconds=60)
        log = serving.worker.log
        assert 'regulars_provider_seconds_count{outcome="refused",provider="smtp"} 1.0' in metrics
        told_of = {line["event"] for line in lines(log)}
        assert {"an event could not be taken", "an activity failed unforeseen", "an activity was done"} <= told_of
        named = [*ZENOBIA.values(), *other.values(), "N-1", "N-2", "unlucky", "does not live", "no mail for"]
        named = [word for word in named if len(word) > 2]  # not its language
        assert [word for word in named if word in log] == []
        assert [word for word in named if word in metrics] == []
