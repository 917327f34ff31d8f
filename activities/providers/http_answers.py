"""What an answer over HTTP means: accepted, refused for good, later, or nobody knows.

A status code alone is not believed: an answer of success counts only if its body is what an accepting one's is. Only
numbers are told on: the words of an answer often quote the recipient.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from activities.providers.http_exchange import Reply
from activities.providers.provider import Accepted, DeliveryError, Final, InDoubt, Retryable
from engine.policy import AnswerRule, Request

LONGEST_PAUSE = timedelta(hours=1)
"""No server keeps us waiting longer, whatever it asks for."""
_MAX_ID = 200
_UNKNOWN = object()

# What a status means by itself. A client's error is this message's; these are the shop's to mend, and others' messages
# would fail alike.
_NOT_SET_UP = {401: "login_refused", 402: "no_credit", 403: "login_refused", 404: "url_wrong", 405: "url_wrong"}
_NOT_SET_UP |= {407: "login_refused", 421: "url_wrong", 501: "url_wrong", 505: "url_wrong"}
_LATER = frozenset({408, 423, 425, 429, 503})
_MOVED = frozenset({300, 301, 302, 304, 305, 307, 308})
# 409: another request with the same key is under way, or was.
_UNCLEAR = frozenset({409, 303})


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer that has been read: its fields, if it has any."""

    reply: Reply
    fields: Any

    def fits(self, rule: Mapping[str, Sequence[str]]) -> bool:
        """Whether each of these fields has one of its values."""
        return all(_text(field(self.fields, path)) in values for path, values in rule.items())

    def answers(self, rule: AnswerRule) -> bool:
        """Whether this is an answer that the rule speaks of."""
        return (not rule.http or self.reply.status in rule.http) and self.fits(rule.body)


def judge(request: Request, reply: Reply, now: datetime) -> Accepted:
    """The answer's meaning, with the provider's own id, empty where it gave none.

    Args:
        request: how answers are to be read.
        reply: the answer.
        now: by the clock, for a `Retry-After` that names a time.

    Raises:
        Retryable: surely not accepted, and worth another try.
        Final: refused for good.
        InDoubt: it cannot be told whether it was accepted.
    """
    said = _Said(reply, _fields(reply.body))
    rule = next((each for each in request.answers if said.answers(each)), None)
    if rule is not None and rule.means != "accepted":
        raise _meant(rule.means, reply, now)
    if rule is None:
        _by_status(reply, now)
        if not _is_acceptance(request, said):
            raise InDoubt("strange_answer", f"HTTP {reply.status}, and its body is not that of an accepted message")
    return Accepted(_id(said.fields, request.accepted.id))


def field(fields: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    """The value at `message.0.id`, or a value that equals nothing."""
    for part in path.split("."):
        if isinstance(fields, Mapping) and part in fields:
            fields = fields[part]
        elif isinstance(fields, list) and part.isdecimal() and int(part) < len(fields):
            fields = fields[int(part)]
        else:
            return _UNKNOWN
    return fields


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long a server asks to be left alone: seconds, or until an HTTP date; never longer than an hour."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return min(timedelta(seconds=int(text[:9])), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return min(max(at - now, timedelta(0)), LONGEST_PAUSE)


def _by_status(reply: Reply, now: datetime) -> None:
    """Raises what the status means, unless it is one of success."""
    status = reply.status
    if 200 <= status < 300:
        return
    if status in _NOT_SET_UP:
        raise Retryable(_NOT_SET_UP[status], f"HTTP {status}", retry_after=retry_after(reply.headers, now))
    if status in _MOVED:
        raise Retryable("redirected", f"HTTP {status}: set the address that it redirects to")
    if status in _LATER:
        raise _meant("try_later", reply, now)
    if 400 <= status < 500 and status not in _UNCLEAR:
        raise _meant("message_refused", reply, now)
    raise _meant("in_doubt", reply, now)


def _meant(means: str, reply: Reply, now: datetime) -> DeliveryError:
    told = f"HTTP {reply.status}"
    match means:
        case "try_later":
            return Retryable("try_later", told, retry_after=retry_after(reply.headers, now))
        case "recipient_refused" | "message_refused":
            return Final(means, told)
    return InDoubt("strange_answer", told)


def _is_acceptance(request: Request, said: _Said) -> bool:
    accepted = request.accepted
    if accepted.id is not None and not _id(said.fields, accepted.id):
        return False
    if accepted.body:
        return said.fits(accepted.body)
    return said.reply.body == b"" or (said.fields is not _UNKNOWN and not _complains(said.fields))


def _complains(fields: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a body says by one of the usual fields that something is wrong."""
    if not isinstance(fields, Mapping):
        return False
    wrong = any(fields.get(name) for name in ("error", "errors", "error_code", "errorCode"))
    denied = any(fields.get(name) is False for name in ("success", "ok", "accepted"))
    status = str(fields.get("status", "")).lower()
    return wrong or denied or status in {"error", "fail", "failed", "failure", "rejected", "invalid"}


def _fields(body: bytes | None) -> Any:  # noqa: ANN401 - any JSON
    try:
        return _UNKNOWN if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return _UNKNOWN


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON
    """A value as it is written in policy.yaml; None for one that is no single value."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
    return None


def _id(fields: Any, path: str | None) -> str:  # noqa: ANN401 - any JSON
    found = _text(field(fields, path)) if path is not None else None
    return found if found and len(found) <= _MAX_ID and found.isprintable() else ""
