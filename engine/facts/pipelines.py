"""Statements sent together, and work that goes on while the database does what other work has asked of it."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import psycopg
from psycopg.pq import PipelineStatus

T = TypeVar("T")
Row = TypeVar("Row")
Steps = Generator[None, None, T]
"""Work in steps, three for each of `answers` and `done`: it sends, takes up the answer, and goes on until it sends."""


def together(connection: psycopg.Connection[Any]) -> AbstractContextManager[object]:
    """A pipeline for what follows; within one that is open already nothing new, which would wait for what was sent."""
    inside = connection.pgconn.pipeline_status != PipelineStatus.OFF  # a number where libpq is called from C
    return nullcontext() if inside else connection.pipeline()


def answers(send: Callable[[], Sequence[psycopg.Cursor[Row]]]) -> Steps[list[list[Row]]]:
    """The rows that each of several statements gives."""
    yield
    sent = send()
    yield
    rows = [each.fetchall() for each in sent]
    yield
    return rows


def done(send: Callable[[], object]) -> Steps[None]:
    """Has statements carried out that give nothing."""
    yield
    send()
    yield
    yield


def at_once(work: Steps[T]) -> T:
    """Carries work out with nothing between its steps."""
    while True:
        try:
            next(work)
        except StopIteration as ended:
            result: T = ended.value
            return result


def in_turns(first: Steps[T], second: Steps[T]) -> tuple[T, T]:
    """Carries two works out in turns over one pipeline: what one has sent runs while the other goes on.

    To take up an answer waits for all that was sent, so each sends only after the other's answer has been taken up.
    """
    works, results = (first, second), dict[int, T]()

    def step(number: int) -> None:
        if number not in results:
            try:
                next(works[number])
            except StopIteration as ended:
                results[number] = ended.value

    step(0)
    step(0)
    while len(results) < len(works):
        step(1)
        step(0)
    return results[0], results[1]
