"""How long a reservation takes with eight senders at once, on a table of a million messages."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg

from bench.at_work.shop import Placed, Shop
from bench.at_work.waiting_until import percentile
from bench.figures import Figure
from engine.composition import event_matcher
from engine.journeys.wire import DeliverRequest
from engine.messages.reserve import Proceed, Terms, reserve

SENDERS = 8
_MESSAGES_EACH = 5
_FILL = """
insert into messages (key, journey_id, customer_id, playbook, step, iteration, channel, purpose, state, due_at, at,
                      provider, attempts)
select format('%%s/past-%%s/1/email', workflow_id, number), id, customer_id, playbook, 'past-' || number, 1, 'email',
       'service', 'sent', started_at - number * interval '1 day', started_at - number * interval '1 day', 'mailbox', 1
  from journeys, generate_series(1, %s) number where id = any(%s)
"""


def reserving(shop: Shop, messages: int, seconds: float) -> list[Figure]:
    """The same on an empty table and on a full one."""
    empty = _measure(shop, shop.place("at-once", min(2000, messages), start=False), seconds / 2)
    journeys = shop.place("at-once", messages // _MESSAGES_EACH, start=False)
    with shop.pool.connection() as connection:
        connection.execute(_FILL, (_MESSAGES_EACH, [one.id for one in journeys]))
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("vacuum analyze messages")
        connection.execute("analyze")
    full = _measure(shop, journeys, seconds)
    return [
        Figure("messages in the table", shop.number("select count(*) from messages")),
        Figure(f"reservations by {SENDERS} senders, a second", round(SENDERS * len(full) / sum(full), 1)),
        Figure("reserve, p50 ms", round(percentile(full, 0.5) * 1000, 2)),
        Figure("reserve, p99 ms", round(percentile(full, 0.99) * 1000, 2)),
        Figure("reserve on an empty table, p99 ms", round(percentile(empty, 0.99) * 1000, 2)),
    ]


def _measure(shop: Shop, journeys: list[Placed], seconds: float) -> list[float]:
    """Seconds of each reservation; every sender has a connection and journeys of its own."""
    ready = threading.Barrier(SENDERS)
    shares = [journeys[place::SENDERS] for place in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as senders:
        taken = senders.map(lambda share: _send(shop, share, seconds, ready), shares)
        return [each for part in taken for each in part]


def _send(shop: Shop, journeys: list[Placed], seconds: float, ready: threading.Barrier) -> list[float]:
    plan = shop.rules.plans["at-once"]
    terms = Terms(plan, shop.rules, {"email"}, event_matcher(shop.pool, shop.rules))
    taken: list[float] = []
    with psycopg.connect(shop.url, options="-c timezone=UTC") as connection:
        ready.wait()
        deadline = time.monotonic() + seconds
        for journey in journeys:
            if time.monotonic() > deadline:
                break
            request = _request(journey)
            started = time.perf_counter()
            answer = reserve(connection, request, terms, datetime.now(UTC))
            connection.commit()
            taken.append(time.perf_counter() - started)
            assert isinstance(answer, Proceed), answer
    return taken


def _request(journey: Placed) -> DeliverRequest:
    return DeliverRequest(
        journey=journey.id,
        step="first",
        iteration=1,
        at=journey.started_at,
        due=journey.started_at,
        channels=["email"],
        template="reminder",
        clock="timers",
        ends="ended",
    )
