"""Keeps what an unforeseen error says out of the journeys' histories: it may quote a customer's data.

Errors that activities raise on purpose are made for the history and pass.
"""

import asyncio
import logging
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from engine.logs import described

log = logging.getLogger("regulars.activities")


class Discreet(Interceptor):
    """For a worker: in place of an unforeseen error its kind is reported, and its place is logged."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - temporalio's own name
        """Wraps the execution of each activity."""
        return _Discreetly(next)


class _Discreetly(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - temporalio's own
        try:
            return await super().execute_activity(input)
        except (ApplicationError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave this process
            kind, info = type(error).__name__, activity.info()
            told = {"journey": info.workflow_id, "activity": info.activity_type, **described(error)}
            log.error("an activity failed unforeseen", extra=told)  # noqa: TRY400 - an exception's text is what must not be shown
        raise ApplicationError(kind, type=kind)
