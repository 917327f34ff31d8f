"""A log line has fixed fields, and what an exception says is in none of them."""

import io
import json
import logging
import sys

import pytest

from engine.logs import FIELDS, JsonLines, Readable, described, set_up_logs

SECRET = "zenobia.q@example.net"


@pytest.fixture
def lines(monkeypatch):
    """Logs as JSON, and gives the lines; restores the loggers afterwards."""
    stream = io.StringIO()
    root, ours = logging.getLogger(), logging.getLogger("regulars")
    before = root.handlers[:], root.level, ours.level
    monkeypatch.setattr(sys, "stderr", stream)
    set_up_logs("json")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level, ours.level = before
    logging.captureWarnings(capture=False)


def test_a_line_is_one_object_whose_fields_are_known(lines) -> None:
    log = logging.getLogger("regulars.dispatcher")
    log.warning("%d of %d not told", 1, 2, extra={"journey": "win-back/customer-1/1", "count": 2, "name_of": "Ada"})
    [line] = lines()
    at = line.pop("at")
    assert at.endswith("Z")
    assert line == {
        "level": "warning",
        "part": "dispatcher",
        "event": "1 of 2 not told",
        "journey": "win-back/customer-1/1",
        "count": 2,
    }
    assert set(line) - {"level", "part", "event"} <= set(FIELDS)


def test_an_exception_is_told_by_its_kind_and_its_places_alone(lines) -> None:
    def fails() -> None:
        raise ValueError(f"key (email)=({SECRET}) already exists")

    try:
        fails()
    except ValueError as error:
        logging.getLogger("regulars.standing").exception("a fault")
        logging.getLogger("regulars.standing").warning("another", extra=described(error))
        logging.getLogger("temporalio.activity").warning("Completing activity as failed", exc_info=True)
    for line in lines():
        assert line["error"] == "ValueError"
        assert line["place"][-1].startswith("tests/test_logs.py:")
        assert line["place"][-1].endswith(" fails")
        assert SECRET not in json.dumps(line)


def test_what_libraries_say_is_kept_to_its_first_line_and_freed_of_addresses(lines) -> None:
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: ValueError('Ada Lovelace')")
    logging.getLogger("psycopg.pool").warning("no answer from postgresql://shop:secret@db.internal/shop for %s", SECRET)
    task, pool = lines()
    assert task["event"] == "Task exception was never retrieved"
    assert "secret" not in pool["event"]
    assert SECRET not in pool["event"]


def test_a_librarys_own_mistake_does_not_take_its_line_away() -> None:
    record = logging.LogRecord("some.library", logging.ERROR, __file__, 1, "%d", ("no number",), None)
    assert json.loads(JsonLines().format(record))["event"] == "%d"


def test_fields_of_temporal_become_ours(lines) -> None:
    told = {"workflow_id": "reminder/order-1/1", "activity_type": "deliver", "attempt": 2, "namespace": "default"}
    logging.getLogger("temporalio.activity").warning("failed", extra={"temporal_activity": told})
    [line] = lines()
    assert (line["journey"], line["activity"], line["attempt"]) == ("reminder/order-1/1", "deliver", 2)
    assert "namespace" not in line


def test_levels_below_the_one_asked_for_are_not_told(lines) -> None:
    logging.getLogger("regulars.activities").debug("an activity was done")
    logging.getLogger("regulars.activities").info("an activity was done")
    logging.getLogger("httpx").info("GET http://example.net/?name=ada")
    assert [line["level"] for line in lines()] == ["info"]


def test_on_a_terminal_a_line_is_for_people() -> None:
    record = logging.LogRecord("regulars.worker", logging.INFO, __file__, 1, "ready", None, None)
    record.version = "abc"
    assert Readable().format(record).endswith("info    worker      ready  version=abc")
    assert json.loads(JsonLines().format(record))["event"] == "ready"
