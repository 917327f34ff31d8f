"""`POST /events`: a shop tells one event or a batch and is answered item by item."""

import asyncio
import hmac
import json
import logging
import time
from collections import Counter as Counts
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, Counter
from psycopg_pool import ConnectionPool, PoolTimeout
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.dispatch.match import Matcher
from engine.facts.currency import CurrencyUnclearError
from engine.logs import described
from engine.operations.telling import Answer, tell_all
from engine.servers.errors import SetupError

MOST_BYTES = 1_000_000
MOST_EVENTS = 1_000
SHORTEST_TOKEN = 16
AT_ONCE = 4
_PATIENCE = 30.0

log = logging.getLogger("regulars.events")


@dataclass(eq=False)
class Wrong(Exception):  # noqa: N818 - it is an answer
    """A request that cannot be answered item by item."""

    status: int
    code: str
    place: str
    found: str
    expected: str
    hint: str

    def response(self) -> Response:
        """As JSON, with the same parts that every error of ours has."""
        parts = {name: getattr(self, name) for name in ("code", "place", "found", "expected", "hint")}
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        return JSONResponse({"error": parts}, self.status, headers)


def events_token(environment: Mapping[str, str]) -> str | None:
    """The token of `REGULARS_EVENTS_TOKEN`; None: nobody may tell events over HTTP.

    Raises:
        SetupError: it is too short to be a secret.
    """
    token = environment.get("REGULARS_EVENTS_TOKEN") or None
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise SetupError(
            "bad-token",
            f"found {len(token)} characters, expected at least {SHORTEST_TOKEN}, all of them printable ASCII",
            "make one with `openssl rand -hex 32`, or unset it to switch `POST /events` off",
            "REGULARS_EVENTS_TOKEN",
        )
    return token


@dataclass
class Intake:
    """Takes events in over HTTP.

    Args:
        pool: of the facts' database, of connections `by_keys`.
        matcher: gives the rules in force, asked anew in each event's transaction: others may come into force.
        token: what a caller must bear; None: the endpoint is off.
        registry: where its counter is registered.
    """

    pool: ConnectionPool
    matcher: Callable[[psycopg.Connection[Any]], Matcher]
    token: str | None
    registry: CollectorRegistry
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def __post_init__(self) -> None:
        self._told = Counter(
            "regulars_events_told", "Events told to this worker over HTTP.", ["answer"], registry=self.registry
        )

    async def __call__(self, request: Request) -> Response:
        """The answer; 200 once each event has one of its own."""
        began = time.monotonic()
        try:
            self._admit(request)
            events = _events(await _body(request))
            async with self._turns:  # so that a flood of events does not take every connection from the journeys
                answers = await asyncio.to_thread(self._take, events)
        except Wrong as wrong:
            log.info("events were not read", extra={"code": wrong.code, "status": wrong.status})
            return wrong.response()
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("events could not be taken", extra=described(error))
            return _AWAY.response()
        fates = Counts(answer["answer"] for answer in answers)
        for fate, count in fates.items():
            self._told.labels(fate).inc(count)
        seconds = round(time.monotonic() - began, 3)
        log.info("events were told", extra={**fates, "seconds": seconds})
        body = {fate: fates[fate] for fate in ("accepted", "known", "refused")} | {"events": answers}
        return JSONResponse(body, 500 if fates["failed"] else 200)

    def _admit(self, request: Request) -> None:
        if self.token is None:
            hint = "set REGULARS_EVENTS_TOKEN for the worker"
            raise Wrong(404, "events-off", "POST /events", "no token is set", "a worker that takes events", hint)
        scheme, _, borne = request.headers.get("authorization", "").partition(" ")
        # Compared in constant time: how long the answer takes tells nothing about the token.
        right = hmac.compare_digest(borne.strip().encode(), self.token.encode())
        if scheme.lower() != "bearer" or not right:
            hint = "the token is the worker's REGULARS_EVENTS_TOKEN"
            found = "another token" if borne else "no token"
            raise Wrong(401, "not-allowed", "Authorization", found, "Bearer TOKEN", hint)

    def _take(self, events: list[object]) -> list[dict[str, Any]]:
        with self.pool.connection() as connection:
            try:
                self.matcher(connection)
            except CurrencyUnclearError as error:
                found = ", ".join(error.found)
                hint = "add a line such as `currency: EUR` to policy.yaml"
                raise Wrong(500, error.code, "rules/policy.yaml", found, "one currency to report in", hint) from None
            connection.commit()
            told = tell_all(connection, self.matcher, events, lambda: datetime.now(UTC))
            return [_answer(event, outcome) for event, outcome in zip(events, told, strict=True)]


def _answer(event: object, outcome: Answer | Exception) -> dict[str, Any]:
    if isinstance(outcome, Answer):
        return outcome.to_json()
    log.error("an event could not be taken", extra=described(outcome))  # its text may be personal
    key = event.get("key") if isinstance(event, dict) else None
    return {"key": key, "answer": "failed", "code": "internal", "hint": "a bug; the worker's log has its place"}


_AWAY = Wrong(
    503,
    "database-away",
    "the database",
    "no answer",
    "an answer",
    "tell the same events again later: those that were taken are known then",
)


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long."""
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(_PATIENCE):
            async for part in request.stream():
                length += len(part)
                if length > MOST_BYTES:
                    raise _too_much("bytes", MOST_BYTES)
                parts.append(part)
    except TimeoutError:
        hint = "send the whole body at once"
        raise Wrong(408, "too-slow", "body", f"none within {_PATIENCE:.0f} s", "the whole body", hint) from None
    except ClientDisconnect:
        raise Wrong(400, "cut-off", "body", "a part", "the whole body", "send it again") from None
    return b"".join(parts)


def _events(body: bytes) -> list[object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        found = getattr(error, "msg", "no text in UTF-8" if isinstance(error, UnicodeDecodeError) else "no JSON")
        hint = "one event as an object, or several as a list"
        raise Wrong(400, "not-json", f"body:{line}:{column}", found, "JSON", hint) from None
    events = told if isinstance(told, list) else [told]
    if len(events) > MOST_EVENTS:
        raise _too_much("events", MOST_EVENTS)
    return events


def _too_much(what: str, most: int) -> Wrong:
    return Wrong(413, "too-much", "body", f"more than {most} {what}", f"at most {most} {what}", "tell them in batches")
