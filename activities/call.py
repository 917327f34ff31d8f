"""Runs an activity of the project's own, in its time, and keeps what it answers.

call: {id: reward, activity: loyalty-points, with: {points: 50}}
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beating import heartbeats
from activities.context import Context
from activities.outside import Begun, Outcome, begin, finish, reopen
from engine.journeys.wire import Answer, CallRequest
from engine.logs import described
from engine.own import Call, OwnActivity, Refused, TryAgain

log = logging.getLogger("regulars.activities")
MOST_BYTES = 64 * 1024
"""Of an answer."""
THREADS = 4
"""How many calls of one activity that is no coroutine can be under way in one worker."""


@dataclass(frozen=True)
class CallOwn:
    """The activity `call/NAME` of one activity of the project's own.

    A function that is no coroutine runs in threads of this activity alone: where it hangs, it holds up no other.
    """

    context: Context
    name: str
    own: OwnActivity | None
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "own"), compare=False, repr=False
    )

    def activity(self) -> Callable[..., Any]:
        """What a worker registers."""

        @activity.defn(name=f"call/{self.name}")
        async def call(request: CallRequest) -> Answer:
            async with heartbeats():
                return await self._call(request)

        return call

    async def _call(self, request: CallRequest) -> Answer:
        context, moment = self.context, self.context.moment(request.at, request.clock)
        begun = await context.transaction(lambda connection: begin(context, connection, request, moment))
        if isinstance(begun, Answer):
            return begun
        if self.own is None:
            raise ApplicationError("the activity is not here", type="not_here")
        outcome = await self._outcome(self.own, begun, request)
        after: datetime = context.moment(request.at, request.clock)
        return await context.insist(lambda connection: finish(connection, request, begun.key, outcome, after))

    async def _outcome(self, own: OwnActivity, begun: Begun, request: CallRequest) -> Outcome:
        """What became of the attempt.

        Raises:
            ApplicationError: it is to be tried again.
        """
        given = _read(own, begun.given)
        if isinstance(given, Outcome):
            return given
        call = Call(begun.key, request.at, activity.info().attempt, begun.customer, begun.order, begun.customer_key)
        try:
            async with asyncio.timeout(own.timeout):
                answer = await self._run(own, given, call)
        except Refused as refused:
            return Outcome("failed", refused.reason)
        except TryAgain as later:
            await self.context.insist(lambda connection: reopen(connection, begun.key))
            raise ApplicationError(later.reason, type=later.reason, next_retry_delay=later.after) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a function of anybody's raises
            kind = "timed_out" if isinstance(error, TimeoutError) else type(error).__name__
            told = {"journey": activity.info().workflow_id, "activity": f"call/{self.name}", **described(error)}
            log.error("an activity of the project's own failed", extra=told)  # noqa: TRY400 - its text must not be shown
        else:
            return _written(own, answer)
        if request.once:
            return Outcome("failed", "in_doubt")
        raise ApplicationError(kind, type=kind) from None

    async def _run(self, own: OwnActivity, given: Any, call: Call) -> Any:  # noqa: ANN401 - the activity's own types
        if own.is_async:
            return await own(given, call)
        begun = self._threads.submit(own, given, call)
        try:
            return await asyncio.wrap_future(begun)
        except asyncio.CancelledError:
            if begun.cancel():  # it never left the queue
                raise TryAgain("no_thread_free") from None
            raise


def _read(own: OwnActivity, given: dict[str, Any]) -> Any:  # noqa: ANN401 - the activity's own type, or an outcome
    """What is given as the activity's model; a field that has a default keeps it where its value is not known."""
    for tried in (given, {key: value for key, value in given.items() if value is not None}):
        with contextlib.suppress(ValidationError):
            return own.takes.validate_json(json.dumps(tried))
    unknown = any(value is None for value in given.values())
    return Outcome("failed", "input_unknown" if unknown else "input_wrong")


def _written(own: OwnActivity, answer: Any) -> Outcome:  # noqa: ANN401 - whatever the function gave
    """The answer as JSON, if it is what the activity declares. It was called: it is not called again."""
    if own.answer is type(None):
        return Outcome("done") if answer is None else Outcome("failed", "answer_wrong")
    try:
        gives = own.gives
        text = gives.dump_json(gives.validate_python(answer), warnings="error", by_alias=True)
        gives.validate_json(text)
    except Exception as error:  # noqa: BLE001 - validators and serializers of anybody's
        told = {"activity": f"call/{own.name}", **described(error)}
        log.error("an activity of the project's own gave another answer than it declares", extra=told)  # noqa: TRY400 - as above
        return Outcome("failed", "answer_wrong")
    return Outcome("failed", "answer_too_large") if len(text) > MOST_BYTES else _done(text)


def _done(text: bytes) -> Outcome:
    return Outcome("done", answer=json.loads(text))
