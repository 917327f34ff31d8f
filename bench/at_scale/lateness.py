"""How late flips are judged while some fall due all the time, as the minute schedule takes them."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg

from bench.at_scale.events import Bench
from bench.figures import Figure
from engine.evaluation.minute import Minute
from engine.facts.pool import open_pool

LATE_AT_MOST = 60.0
_DUE_A_SECOND = 20
_DUE = """
update standings set next_flip = clock_timestamp() + make_interval(secs => %(seconds)s * (customer_id %% %(share)s)
                                                                   / %(share)s::float8)
 where customer_id <= %(customers)s
"""
# A worker may look while a flip falls due, so lateness is counted by what has been judged, not by what is still due.
_TAKEN = """
create table flips_seen (due timestamptz, judged timestamptz default clock_timestamp());
create function see_flip() returns trigger language plpgsql as $$ begin
  insert into flips_seen (due) values (old.next_flip); return new; end $$;
create trigger see_flip after update on standings for each row
  when (old.next_flip is not null and old.next_flip <= new.evaluated_at) execute function see_flip();
"""
_LATE = """
select percentile_disc(0.99) within group (order by extract(epoch from judged - due)), count(*) from flips_seen
"""


def lateness(bench: Bench, minutes: float) -> list[Figure]:
    """The lateness of 99 of 100 flips that fall due evenly over some minutes, by the schedule of a worker."""
    seconds = minutes * 60
    customers = min(bench.stream.customers, int(seconds * _DUE_A_SECOND))
    with psycopg.connect(bench.url, autocommit=True) as connection:
        connection.execute("update standings set next_flip = null where next_flip is not null")
        connection.execute(_TAKEN)
        connection.execute(_DUE, {"seconds": seconds, "share": customers, "customers": customers})
    _schedule(bench, seconds)
    with psycopg.connect(bench.url) as connection:
        late, judged = connection.execute(_LATE).fetchone() or (0, 0)
    return [
        Figure("flips judged by the schedule", int(judged), at_least=customers),
        Figure("99 of 100 flips judged within, seconds", round(float(late or 0), 1), at_most=LATE_AT_MOST),
    ]


def _schedule(bench: Bench, seconds: float) -> None:
    """Runs the schedule until everything has fallen due and has had its minute."""
    pool = open_pool(bench.url)
    stop, done = asyncio.Event(), threading.Event()

    async def run() -> None:
        minute = asyncio.create_task(Minute(pool, lambda _: bench.matcher).run(stop))
        await asyncio.to_thread(done.wait)
        stop.set()
        await minute

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        until = datetime.now(UTC) + timedelta(seconds=seconds + 75)
        while datetime.now(UTC) < until:
            time.sleep(1)
    finally:
        done.set()
        thread.join()
        pool.close()
