"""Temporal namespaces for tests, each used by one test: ids of journeys repeat in every database.

Several are prepared at a time, because each needs the same seconds until all of Temporal's services know it.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.envconfig import ClientConfig

from engine.composition import connect
from engine.servers.namespace import prepare_namespace

T = TypeVar("T")

_AT_ONCE = 10
_ready: list[str] = []
_made: list[str] = []


def take_namespace() -> str:
    """A fresh namespace, ready for journeys."""
    if not _ready:
        _ready.extend(_elsewhere(_prepare()))
    return _ready.pop()


def drop_namespaces() -> None:
    """Lets go of all namespaces that were made: in the end, because Temporal takes its time to forget one."""
    names, _made[:], _ready[:] = list(_made), [], []
    _elsewhere(_drop(names))


async def _prepare() -> list[str]:
    config = ClientConfig.load_client_connect_config()
    names = [f"test-{uuid.uuid4().hex[:12]}" for _ in range(_AT_ONCE)]
    _made.extend(names)
    await asyncio.gather(*(prepare_namespace(config, name) for name in names))
    return names


async def _drop(names: list[str]) -> None:
    client = await connect()
    requests = [DeleteNamespaceRequest(namespace=name) for name in names]
    await asyncio.gather(*map(client.operator_service.delete_namespace, requests), return_exceptions=True)


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Runs work in a loop of its own, so that fixtures of any scope can ask for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
