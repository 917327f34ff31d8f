"""Where tiers and RFM groups begin in a simulation: published anew as the policy says, from the facts before.

Each publication is computed from everybody as of its instant, by several processes, before anybody is simulated.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import psycopg

from engine.calendar.publication import next_publication
from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.evaluation.columns import Columns, Reader, column_reader
from engine.evaluation.processes import end_with_maker, in_chunks
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.policy import Policy
from engine.standing.cut_offs import Published

CHUNK = 2_000


@dataclass(frozen=True)
class Asked:
    """Whose cut-offs are computed, by which rules."""

    url: str
    rules: Rules
    currency: str | None
    schema: str = "public"


def publications(policy: Policy, start: datetime, to: datetime) -> Iterator[datetime]:
    """When cut-offs are computed: as the window begins, and at each publication inside it."""
    at = start
    while at < to:
        yield at
        if policy.publication is None:
            return
        at = next_publication(policy.publication, at, policy.zone)


def published(
    asked: Asked,
    instants: Sequence[datetime],
    ids: Sequence[int],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    processes: int | None = None,
) -> Published:
    """The cut-offs of everybody as of each instant; nothing is written.

    Args:
        asked: by which rules.
        instants: as of when, in order.
        ids: our numbers of all customers.
        progress: told how many customers are done, of how many.
        processes: how many work at once; default: one for each processor.
    """
    at = [microseconds(each) for each in instants]
    columns, done = [Columns() for _ in at], 0
    chunks = in_chunks(ids, CHUNK)
    workers = min(processes or os.cpu_count() or 1, max(len(chunks), 1))
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (asked,)) as pool:
        for chunk, part in zip(chunks, pool.map(_read, chunks, [at] * len(chunks)), strict=True):
            for each, more in zip(columns, part, strict=True):
                each.add(more)
            done += len(chunk)
            progress(done, len(ids))
    rules = asked.rules.standing
    return tuple((instant, each.cut_offs(rules)) for instant, each in zip(at, columns, strict=True))


class _Process:
    """One process's reader and connection."""

    read: Reader
    connection: psycopg.Connection[Any]


def _open(asked: Asked) -> None:
    end_with_maker()
    _Process.read = column_reader(asked.rules, Standings(asked.rules, StoredVersions(), asked.currency))
    _Process.connection = connect(asked.url, asked.schema)


def _read(ids: Sequence[int], instants: Sequence[int]) -> list[Columns]:
    return _Process.read(_Process.connection, ids, instants)
