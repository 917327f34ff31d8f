"""The worker's HTTP server, in the worker's own loop: it lives and stops with it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from engine.servers.errors import SetupError
from engine.servers.ports import owner
from engine.servers.worker_settings import DEFAULT_PORT

_MOST_CONNECTIONS = 100


def listen(host: str, port: int | None) -> socket.socket:
    """Listens there; without a port on the default one, or on any free one where that is taken.

    Raises:
        SetupError: the port is taken, or the host is none of this machine.
    """
    try:
        return _bound(host, DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is None and not isinstance(error, socket.gaierror):
            return _bound_or_wrong(host, 0)
        return _bound_or_wrong(host, port or 0)


def _bound_or_wrong(host: str, port: int) -> socket.socket:
    try:
        return _bound(host, port)
    except OSError as error:
        by = owner(port) if port else None
        taken = f"; it is taken by {by}" if by else ""
        raise SetupError(
            "cannot-listen",
            f"found {host}:{port}, where nobody can listen ({error.strerror}){taken}",
            "choose worker.host and worker.port in regulars.toml, or REGULARS_WORKER_HOST and REGULARS_WORKER_PORT",
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """The address for people and scripts."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Embedded(uvicorn.Server):
    """Leaves signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


@asynccontextmanager
async def serving(app: Starlette, listening: socket.socket) -> AsyncIterator[None]:
    """Serves within the block. What is being answered at its end is answered."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # an address in a path or a header is nobody's business
        lifespan="off",
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    server = _Embedded(config)
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
