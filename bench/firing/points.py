"""Points between two steps of the engine at which a worker can be killed by SIGKILL, once it is told at which.

Nothing of the engine is replaced; a point only ends the process.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import activities.deliver
from activities.deliver import Deliver
from activities.providers.http import Http
from activities.providers.smtp import Smtp
from engine.dispatch.dispatcher import Dispatcher

Method = Callable[..., Awaitable[Any]]

BETWEEN_PROVIDER_AND_RECORD = "accepted"
BETWEEN_TELLING_AND_MARK = "after_tell"
POINTS = (
    "before_reserve",
    "after_reserve",
    "in_flight",
    BETWEEN_PROVIDER_AND_RECORD,
    "after_record",
    "before_tell",
    BETWEEN_TELLING_AND_MARK,
)


class Trap:
    """Kills this process at the point for which it is set."""

    def __init__(self, report: int) -> None:
        self.point: str | None = None
        self._report = report

    def passing(self, point: str) -> None:
        """The process is at this point now."""
        if point == self.point:
            os.write(self._report, f"{point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        """Makes the engine pass by."""
        reserve = activities.deliver.reserve

        @wraps(reserve)
        def reserving(*arguments: Any) -> Any:
            self.passing("before_reserve")
            return reserve(*arguments)

        activities.deliver.reserve = reserving
        self._around(Deliver, "_send", before="after_reserve", after="after_record")
        self._around(Dispatcher, "tell", before="before_tell", after=BETWEEN_TELLING_AND_MARK)
        for provider in (Http, Smtp):
            self._in_delivery(provider)

    def _around(self, owner: type, name: str, *, before: str, after: str) -> None:
        method: Method = getattr(owner, name)

        @wraps(method)
        async def passing(*arguments: Any) -> Any:
            self.passing(before)
            result = await method(*arguments)
            self.passing(after)
            return result

        setattr(owner, name, passing)

    def _in_delivery(self, provider: type[Http] | type[Smtp]) -> None:
        deliver = provider.deliver

        @wraps(deliver)
        async def passing(self_: Any, message: Any, key: str, before_commit: Callable[[], Awaitable[None]]) -> Any:
            async def marked() -> None:
                await before_commit()
                self.passing("in_flight")

            if self_.takes_idempotency_key:  # it is marked already
                self.passing("in_flight")
            accepted = await deliver(self_, message, key, marked)
            self.passing(BETWEEN_PROVIDER_AND_RECORD)
            return accepted

        provider.deliver = passing  # type: ignore[method-assign]
