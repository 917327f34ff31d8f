"""TCP ports on loopback: free ones, and who has a taken one."""

import secrets
import socket
import time
from pathlib import Path

import psutil

from engine.servers.errors import SetupError

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_TRIES = 200
_FADING = 5.0
_LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody listens on at this moment, and that the system lends to no client.

    A client that tries again and again to reach a server that is down can be lent the server's own port, meets itself
    there, and keeps the server from starting again.
    """
    lowest, highest = _LOWEST, _lent_from() - 1
    for _ in range(_TRIES):
        port = lowest + secrets.randbelow(highest - lowest + 1)
        if is_free(port):
            return port
    raise SetupError(
        "no-free-port",
        f"none of {_TRIES} ports tried between {lowest} and {highest} is free",
        "stop programs that listen there",
    )


def _lent_from() -> int:
    """The first port that the system lends to clients; where it does not say, IANA's."""
    try:
        return max(_LOWEST + _TRIES, int(_LENT.read_text(encoding="ascii").split()[0]))
    except (OSError, ValueError, IndexError):
        return 49152


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of loopback."""
    with socket.socket() as probe:
        # As servers do: connections that are only fading away do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def owner(port: int) -> str | None:
    """Name and pid of the process that listens on the port, if the system tells us."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return _name(connection.pid)
    return None


def _name(pid: int | None) -> str | None:
    if pid is None:
        return None
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def require_free(port: int, what: str, hint: str) -> None:
    """Raises unless the port is free.

    Of a server that was killed, a port can stay open for a moment after its process is gone: that of nobody is waited
    for.

    Raises:
        SetupError: the port is taken; names the owner when it can be known.
    """
    deadline = time.monotonic() + _FADING
    while not is_free(port):
        if owner(port) is not None or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    else:
        return
    by = owner(port) or "another process (of another user; its name is not ours to see)"
    raise SetupError("port-taken", f"port {port}, needed for {what}, is taken by {by}", hint)


def listening(host: str, port: int, seconds: float = 1.0) -> bool:
    """Whether somebody accepts a connection there."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def speaks_http2(host: str, port: int, seconds: float = 2.0) -> bool:
    """Whether a gRPC server answers there: it greets a client's preface with a SETTINGS frame."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(preface)
            head = b""
            while len(head) < 9 and (more := connection.recv(9 - len(head))):
                head += more
    except OSError:
        return False
    return len(head) == 9 and head[3] == 4
