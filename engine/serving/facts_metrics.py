"""Metrics of what lies in the database, read when they are asked for: true over all workers and restarts.

Labels are names from the rules and words of ours; none names a customer.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg_pool import ConnectionPool, PoolTimeout

from engine.logs import described
from engine.operations.counted import JourneyCount, MessageCount, count_journeys, count_messages
from engine.operations.present import Present, read_present

_OLDEST = 15.0
_SHARE = 20.0
"""Figures are read again after so many times the time that reading took: they never cost more than this part of it."""
_LONGEST_MS = 10_000

log = logging.getLogger("regulars.metrics")


class FactsMetrics(Collector):
    """Reads the figures of one database; several scrapes within seconds share one reading."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._reading = threading.Lock()
        self._until = 0.0
        self._metrics: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The figures; those of a database that does not answer are left out, and `regulars_database_up` is 0."""
        with self._reading:
            if time.monotonic() >= self._until:
                self._read()
            yield from self._metrics

    def _read(self) -> None:
        began = time.monotonic()
        up = GaugeMetricFamily("regulars_database_up", "Whether the database gave these figures.")
        try:
            with self._pool.connection(timeout=3) as connection:
                self._metrics = [up, *_metrics(connection)]
            up.add_metric([], 1)
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("the figures could not be read", extra=described(error))
            up.add_metric([], 0)
            self._metrics = [up]
        took = time.monotonic() - began
        self._until = time.monotonic() + (max(_OLDEST, took * _SHARE) if len(self._metrics) > 1 else 1.0)


def _metrics(connection: psycopg.Connection[Any]) -> list[Metric]:
    connection.execute("select set_config('statement_timeout', %s, true)", (str(_LONGEST_MS),))
    present = read_present(connection, datetime.now(UTC))
    return [
        *_journeys(count_journeys(connection)),
        *_messages(count_messages(connection)),
        *_waiting(present),
        *_behind(present),
        *_for_people(present),
    ]


def _journeys(counts: list[JourneyCount]) -> Iterator[Metric]:
    started: Counter[str] = Counter()
    ended = CounterMetricFamily("regulars_journeys_ended", "Journeys that are over.", labels=("playbook", "outcome"))
    for each in counts:
        started[each.playbook] += each.count
        if each.state != "running":
            ended.add_metric([each.playbook, each.state], each.count)
    begun = CounterMetricFamily("regulars_journeys_started", "Journeys that have begun.", labels=("playbook",))
    for playbook, count in started.items():
        begun.add_metric([playbook], count)
    yield from (begun, ended)


def _messages(counts: list[MessageCount]) -> Iterator[Metric]:
    by_outcome: Counter[tuple[str, str, str]] = Counter()
    by_reason: Counter[tuple[str, str]] = Counter()
    for each in counts:
        if each.state in {"sent", "skipped", "failed"}:
            by_outcome[each.playbook, each.channel, each.state] += each.count
        if each.reason is not None:
            by_reason[each.playbook, each.reason] += each.count
    labels = ("playbook", "channel", "outcome")
    sends = CounterMetricFamily("regulars_messages", "Messages of which all is known.", labels=labels)
    for send, count in by_outcome.items():
        sends.add_metric(send, count)
    why = ("playbook", "reason")
    skips = CounterMetricFamily("regulars_messages_skipped", "Messages not sent, by reason.", labels=why)
    for skip, count in by_reason.items():
        skips.add_metric(skip, count)
    yield from (sends, skips)


def _waiting(present: Present) -> Iterator[Metric]:
    running = GaugeMetricFamily("regulars_journeys_running", "Journeys that are not over.", labels=("playbook",))
    paused = GaugeMetricFamily("regulars_journeys_paused", "Journeys that somebody has paused.", labels=("playbook",))
    for playbook, journeys in present.journeys.items():
        running.add_metric([playbook], journeys.running)
        paused.add_metric([playbook], journeys.paused)
    labels = ("playbook", "state")
    waiting = GaugeMetricFamily("regulars_messages_waiting", "Messages on their way or held back.", labels=labels)
    for (playbook, state), count in present.messages.items():
        if state != "in_doubt":
            waiting.add_metric([playbook, state], count)
    doubts = _gauge("regulars_messages_in_doubt", "Messages for a person to settle.", present.in_state("in_doubt"))
    yield from (running, paused, waiting, doubts)


def _behind(present: Present) -> Iterator[Metric]:
    yield _gauge("regulars_outbox_lag_seconds", "Age of the oldest row untold.", present.outbox.seconds)
    yield _gauge("regulars_outbox_depth", "Rows that Temporal has not been told of.", present.outbox.count)
    yield _gauge("regulars_outbox_failing", "Rows among them that were tried in vain.", present.outbox.failing)
    yield _gauge("regulars_flips_lag_seconds", "Lateness of the customer longest due.", present.flips.seconds)
    yield _gauge("regulars_flips_due", "Customers whose standing is due to be judged.", present.flips.count)


def _for_people(present: Present) -> Iterator[Metric]:
    tasks = GaugeMetricFamily("regulars_tasks_open", "Tasks that are not closed.", labels=("team",))
    for team, each in present.tasks.items():
        tasks.add_metric([team], each.open)
    refused = GaugeMetricFamily("regulars_events_waiting", "Events refused and kept.", labels=("code",))
    for code, count in present.refused.items():
        refused.add_metric([code], count)
    held = GaugeMetricFamily("regulars_playbook_held", "Playbooks paused or killed.", labels=("playbook", "state"))
    for control in present.controls:
        held.add_metric([control.playbook, control.state], 1)
    yield from (tasks, refused, held)


def _gauge(name: str, text: str, value: float) -> Metric:
    metric = GaugeMetricFamily(name, text)
    metric.add_metric([], value)
    return metric
