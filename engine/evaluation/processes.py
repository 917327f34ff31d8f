"""Chunks of customers, judged in processes of their own; a few of them in this one."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, TypeVar

import psycopg

Progress = Callable[[str, int, int], None]
"""Told of what is being done, how many customers are done and how many there are."""

PROCESSES = 2
CHUNK = 1000
T = TypeVar("T")


def everybody(connection: psycopg.Connection[Any]) -> Sequence[int]:
    """The numbers of all customers, in order."""
    return [row[0] for row in connection.execute("select id from customers order by id")]


def in_chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items, so many at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]


class _Here(Executor):
    """Does the work of a pool in this process: for a few customers starting processes would take longer."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":  # noqa: ANN401 -- as Executor has it
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def processes_for(
    chunks: int, processes: int, begin: Callable[..., None], begun: tuple[Any, ...], end: Callable[[], None]
) -> Iterator[Executor]:
    """Processes to submit work to, each made ready; this one where there is one chunk at most.

    Spawned, not forked: this process may have threads and connections that a copy must not share.

    Args:
        chunks: how much work there will be.
        processes: how many at most.
        begin: makes a process ready; of a module, so that a process can import it.
        begun: what `begin` is given.
        end: takes back what `begin` did, in this process.
    """
    if chunks <= 1:
        begin(*begun)
        try:
            yield _Here()
        finally:
            end()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=begin, initargs=begun)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def of_each(
    what: str,
    chunks: Sequence[Sequence[int]],
    progress: Progress,
    submit: Callable[[Sequence[int]], "Future[T]"],
) -> Iterator[T]:
    """What came of each chunk, in any order."""
    total, done = sum(map(len, chunks)), 0
    progress(what, done, total)
    futures = {submit(ids): len(ids) for ids in chunks}
    for future in as_completed(futures):
        done += futures[future]
        progress(what, done, total)
        yield future.result()


def end_with_maker() -> None:
    """Lets a process end with the process that made it, however that ends."""
    maker = multiprocessing.parent_process()
    if maker is not None:
        threading.Thread(target=_end_with, args=(maker.sentinel,), daemon=True).start()


def _end_with(maker: int) -> None:
    wait([maker])
    os._exit(1)  # nobody is left to tell; the database takes back what was not committed
