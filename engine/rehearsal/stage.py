"""Where tests run on the real path: schemas of their own in the database, namespaces of their own in Temporal."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from psycopg import sql
from psycopg_pool import ConnectionPool
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from engine.facts.migrate import upgrade
from engine.facts.pool import connect, open_pool
from engine.rehearsal.recorder import install
from engine.servers.journey_attributes import SEARCH_ATTRIBUTES

REHEARSALS = 4
"""Tests side by side: each mostly waits for the answers of servers."""
_CONNECTIONS = 4


@asynccontextmanager
async def watched_schemas(url: str, count: int) -> AsyncIterator[list[ConnectionPool]]:
    """Schemas of this process's own with all tables and the recorder; they are dropped in the end."""
    names = [f"rehearsal_{os.getpid()}_{number}" for number in range(count)]
    with ExitStack() as stack:
        try:
            for name in names:
                await asyncio.to_thread(_make, url, name)
            yield [stack.enter_context(open_pool(url, name, _CONNECTIONS)) for name in names]
        finally:
            stack.close()
            await asyncio.to_thread(_drop, url, names)


def _make(url: str, name: str) -> None:
    upgrade(url, name)
    with connect(url, name) as connection:
        install(connection)


def _drop(url: str, names: list[str]) -> None:
    for name in names:
        with connect(url) as connection:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))


async def add_search_attributes(client: Client) -> None:
    """Makes the search attributes of journeys known to the test server, which keeps them for all namespaces."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, keyword))
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
