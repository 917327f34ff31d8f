"""A Temporal server that answers but has lost its database is told from one that is well, and started again."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from engine.servers import supervisor
from engine.servers.lease import Record
from engine.servers.ports import free_port
from engine.servers.supervisor import Supervisor, Wanted
from engine.servers.temporal import Temporal

# What the development server says for ever once SQLite was interrupted under an open statement.
INTERRUPTED = {"code": 14, "message": "GetNamespace operation failed. Error interrupted (9)", "details": []}
BUSY = {"code": 14, "message": "context deadline exceeded", "details": []}


@contextmanager
def saying(status: int, body: object) -> Iterator[int]:
    """A server on loopback that always answers so; gives its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def record(port: int) -> Record:
    return Record(os.getpid(), 0.0, {"REGULARS_TEMPORAL_UI": f"http://127.0.0.1:{port}"})


@pytest.mark.parametrize(("status", "body", "stuck"), [(503, INTERRUPTED, True), (503, BUSY, False), (200, {}, False)])
def test_only_an_interrupted_database_is_stuck(tmp_path: Path, status: int, body: object, *, stuck: bool) -> None:
    with saying(status, body) as port:
        assert Temporal(tmp_path, Path("temporal")).stuck(record(port)) is stuck


def test_a_server_that_does_not_answer_is_not_stuck(tmp_path: Path) -> None:
    assert not Temporal(tmp_path, Path("temporal")).stuck(record(free_port()))


@pytest.mark.timeout(120)  # the server starts twice
def test_a_stuck_server_is_started_again_at_the_same_place(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    well = Temporal.stuck
    answers: list[bool] = []

    def stuck_at_first(self: Temporal, one: Record) -> bool:
        answers.append(well(self, one))
        return len(answers) == 1

    monkeypatch.setattr(Temporal, "stuck", stuck_at_first)
    monkeypatch.setattr(supervisor, "_PROBE_EVERY", 0.5)
    file = state / "temporal" / "server.json"
    wait = f"""
import json, pathlib, time
file = pathlib.Path({str(file)!r})
first = json.loads(file.read_text())
while (now := json.loads(file.read_text()))["pid"] == first["pid"]:
    time.sleep(0.05)
assert now["environment"] == first["environment"], (now, first)
"""
    assert Supervisor(state, Wanted(temporal=True)).run([sys.executable, "-c", wait]) == 0
    assert not any(answers)
