"""Logs of processes that run on: one JSON line an event, or readable text on a terminal.

A line holds what happened in words and, in fields of fixed names, ids of ours. It never holds what an exception says:
a database or a provider may quote a customer's name or address in it. In its place stand the kind of the exception and
where in the code it came from.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Form = Literal["auto", "json", "text"]

FIELDS = (
    "journey",
    "activity",
    "attempt",
    "outcome",
    "reason",
    "playbook",
    "version",
    "count",
    "accepted",
    "known",
    "refused",
    "status",
    "seconds",
    "address",
    "code",
    "error",
    "place",
)
"""What a line may hold besides `at`, `level`, `part` and `event`: a call gives them as `extra`."""

_OURS = "regulars"
_OF_SERVERS = "regulars.servers"
_ROOT = Path(__file__).parents[1]
_DEEPEST = 6
# Nothing of ours writes one. This is for what libraries say: a mail address in it, or a password in a URL.
_ADDRESS = re.compile(r"[^\s@'\"<>(:/]+(?::[^\s@/]*)?@[^\s@'\"<>),]+")


def set_up_logs(form: Form = "auto", level: str = "info") -> bool:
    """Sends this process's logs to standard error, and says whether as JSON.

    Args:
        form: `auto` is text on a terminal and JSON elsewhere.
        level: the least that is told: debug, info, warning or error.
    """
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else Readable())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of libraries; what they tell at leisure is theirs
    logging.getLogger(_OURS).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    _temporal_tells_fields()
    return as_json


class JsonLines(logging.Formatter):
    """One JSON object a line, its fields in a fixed order."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(told(record), ensure_ascii=False, default=str)


class Readable(logging.Formatter):
    """A line for people: time, level, part, what happened, and the fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = told(record)
        at, level, part, event = (line.pop(name) for name in ("at", "level", "part", "event"))
        place = line.pop("place", None)
        rest = "".join(f"  {name}={value}" for name, value in line.items())
        local = datetime.fromisoformat(at).astimezone()
        where = "".join(f"\n    {each}" for each in place) if isinstance(place, list) else ""
        return f"{local:%H:%M:%S} {level:<7} {part:<11} {event}{rest}{where}"


def told(record: logging.LogRecord) -> dict[str, Any]:
    """What a line tells, in the order of its fields."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {
        "at": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "part": record.name.removeprefix(f"{_OURS}."),
        "event": _event(record),
    }
    given = {**_of_temporal(record), **_of_error(record), **vars(record)}
    return line | {name: _clean(given[name]) for name in FIELDS if given.get(name) is not None}


def described(error: BaseException) -> dict[str, Any]:
    """An exception without what it says: its kind and the places in the code it came through, as `extra` of a call."""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    return {"error": _kind(error), "place": [f"{_short(each.filename)}:{each.lineno} {each.name}" for each in frames]}


def _event(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # a library's own mistake must not take the line away
        text = str(record.msg)
    if record.name == _OF_SERVERS:
        return text  # where servers are, which looks like a mail address; of customers it knows nothing
    if not record.name.startswith(_OURS):
        text = text.split("\n", 1)[0]  # asyncio writes a task's exception below its first line
    return str(_clean(text))


def _of_error(record: logging.LogRecord) -> dict[str, Any]:
    error = record.exc_info[1] if record.exc_info else None
    return described(error) if error else {}


def _of_temporal(record: logging.LogRecord) -> dict[str, Any]:
    activity = getattr(record, "temporal_activity", None)
    workflow = getattr(record, "temporal_workflow", None)
    if isinstance(activity, dict):
        names = {"journey": "workflow_id", "activity": "activity_type", "attempt": "attempt"}
        return {ours: activity.get(theirs) for ours, theirs in names.items()}
    return {"journey": workflow.get("workflow_id")} if isinstance(workflow, dict) else {}


def _temporal_tells_fields() -> None:
    """The SDK repeats its fields in the text, unless told not to."""
    activity, workflow = sys.modules.get("temporalio.activity"), sys.modules.get("temporalio.workflow")
    if activity is not None:
        activity.logger.activity_info_on_message = False
    if workflow is not None:
        workflow.logger.workflow_info_on_message = False


def _kind(error: BaseException) -> str:
    named = getattr(error, "type", None)  # an error of an activity, made for the history
    kind = type(error).__name__
    return f"{kind}: {named}" if isinstance(named, str) and kind == "ApplicationError" else kind


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _ADDRESS.sub("***", value)
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value
