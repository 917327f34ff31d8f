"""Statements sent together: one wait for the database in place of one for each."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
from psycopg.pq import PipelineStatus


def together(connection: psycopg.Connection[Any]) -> AbstractContextManager[object]:
    """A pipeline for what follows; within one that is open already nothing new, which would wait for what was sent."""
    inside = connection.pgconn.pipeline_status is not PipelineStatus.OFF
    return nullcontext() if inside else connection.pipeline()
