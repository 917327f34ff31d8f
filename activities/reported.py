"""Logs what each activity came to, by ids of ours: for whoever follows a worker without opening the Temporal UI."""

import logging
import time
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from engine.journeys.wire import Answer

log = logging.getLogger("regulars.activities")


class Reported(Interceptor):
    """For a worker: one line an activity; sends are told, the rest where `debug` is asked for."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - temporalio's own name
        """Wraps the execution of each activity."""
        return _Reporting(next)


class _Reporting(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - temporalio's own
        info, began = activity.info(), time.monotonic()
        known = {"journey": info.workflow_id, "activity": info.activity_type, "attempt": info.attempt}
        try:
            result = await super().execute_activity(input)
        except BaseException as error:
            kind = getattr(error, "type", None) or type(error).__name__
            log.info("an activity was not done", extra={**known, "error": kind, "seconds": _since(began)})
            raise
        level = logging.INFO if info.activity_type == "deliver" else logging.DEBUG
        came_to = {"outcome": result.outcome, "reason": result.reason} if isinstance(result, Answer) else {}
        log.log(level, "an activity was done", extra={**known, **came_to, "seconds": _since(began)})
        return result


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
