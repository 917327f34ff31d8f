"""Statements go together where they are meant to."""

import psycopg
from psycopg.pq import PipelineStatus

from engine.facts.pipelines import together


def _open(connection: psycopg.Connection) -> bool:
    return connection.pgconn.pipeline_status == PipelineStatus.ON


def test_a_pipeline_is_opened_once_and_closed_by_who_opened_it(connection: psycopg.Connection) -> None:
    assert not _open(connection)
    with together(connection):
        assert _open(connection)
        asked = connection.execute("select 1")
        with together(connection):
            second = connection.execute("select 2")
        assert _open(connection)
        assert [asked.fetchone(), second.fetchone()] == [(1,), (2,)]
    assert not _open(connection)
