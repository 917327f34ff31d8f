import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.servers import ports
from engine.servers.errors import SetupError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_free_port_can_be_listened_on() -> None:
    port = ports.free_port()
    assert ports.is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not ports.is_free(port)


def test_a_free_port_is_none_that_a_client_could_be_lent() -> None:
    lent_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(15_000 <= ports.free_port() < lent_from for _ in range(50))


def test_an_occupied_port_is_refused_with_its_owners_name_and_pid(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(SetupError) as caught:
        ports.require_free(port, "Temporal", "stop it")
    assert f"port {port}, needed for Temporal, is taken by" in caught.value.message
    assert f"pid {os.getpid()}" in caught.value.message


def test_a_port_taken_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_a_server_that_accepts_and_says_nothing_does_not_count_as_temporal(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert ports.listening("127.0.0.1", port)
    assert not ports.speaks_http2("127.0.0.1", port, seconds=0.2)


def test_nobody_listening_does_not_count_as_temporal() -> None:
    assert not ports.speaks_http2("127.0.0.1", ports.free_port())
