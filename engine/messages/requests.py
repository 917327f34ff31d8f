"""Fills in what a provider over HTTP is told, from the template of policy.yaml: `{text: "{{ text }}", to: …}`.

Each text of the template is filled in by itself, in the same sandbox as messages are, and becomes one text of the
body: whatever is filled in, it can neither add a field nor leave its own.
"""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from babel import Locale

from engine.messages.budget import Budget
from engine.messages.errors import TemplateError
from engine.messages.failures import explain
from engine.messages.formats import Formats
from engine.messages.message import OutgoingMessage
from engine.messages.mime import key_hash
from engine.messages.sandbox import MessageEnvironment
from engine.messages.segments import length
from engine.messages.templates import Part
from engine.policy import Request

MAX_BODY = 256 * 1024
"""Bytes of a request's body."""
FILE = "policy.yaml"
CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def request_values(message: OutgoingMessage, key: str) -> dict[str, Any]:
    """What a request's template may name. `key` is the same for every attempt at one message, and tells nothing."""
    content, short = message.content, length(message.content.text)
    return {
        "recipient": message.recipient,
        "sender": message.sender,
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "locale": content.locale,
        "segments": short.segments,
        "encoding": short.encoding,
        "key": key_hash(key),
        "at": message.at.astimezone(UTC).isoformat(timespec="seconds"),
    }


def request_content(request: Request, values: Mapping[str, Any]) -> bytes:
    """The bytes of the request's body.

    Raises:
        TemplateError: the template is broken, cannot be filled in with these values, or gives too much.
    """
    body = fill_in(request.body, values)
    content = urlencode(body) if request.encode == "form" else json.dumps(body, ensure_ascii=False)
    encoded = content.encode("utf-8", "replace")
    if len(encoded) > MAX_BODY:
        raise _too_large(len(encoded))
    return encoded


def fill_in(body: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """The body with every text in it filled in; numbers, `true` and `false` stay what they are.

    Raises:
        TemplateError: a text cannot be filled in.
    """
    return _Filling(values).filled(body, "request.body")


class _Filling:
    """One body being filled in; all its texts share a budget."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._environment = MessageEnvironment({}, Formats(Locale("en")), Budget(), escape=False)

    def filled(self, part: Any, place: str) -> Any:  # noqa: ANN401 - any JSON
        match part:
            case str():
                return self._text(part, place)
            case Mapping():
                return {name: self.filled(value, f"{place}.{name}") for name, value in part.items()}
            case list() | tuple():
                return [self.filled(value, f"{place}.{number}") for number, value in enumerate(part)]
        return part

    def _text(self, source: str, place: str) -> str:
        try:
            pieces = []
            for piece in self._environment.part(Part(place, source)).generate(self._values):
                self._environment.budget.output(len(piece))
                pieces.append(piece)
            return "".join(pieces)
        except Exception as error:  # noqa: BLE001 -- a template can fail in any way, and none may stop another's message
            raise explain(error, {place: source}, place, self._values) from None


def _too_large(size: int) -> TemplateError:
    return TemplateError(
        code="template-too-much",
        file=FILE,
        line=0,
        found=f"a request of {size // 1024} KB",
        expected=f"one of at most {MAX_BODY // 1024} KB",
        hint="send less: the HTML of a message is seldom needed by a channel over HTTP",
    )
