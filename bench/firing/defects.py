"""Defects that can be sown into a worker, to see that the checker finds what they do."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from temporalio.exceptions import ApplicationError

import activities.deliver
from activities.deliver import Deliver
from engine.dispatch.dispatcher import Dispatcher
from engine.messages import record
from engine.messages.reserve import Proceed, Reserving


def attempt_in_key() -> None:
    """Each attempt has a key of its own, so a provider with keys takes every one."""
    reserve = activities.deliver.reserve

    @wraps(reserve)
    def reserving(*arguments: Any) -> Any:
        reserved = reserve(*arguments)
        return (
            reserved._replace(key=f"{reserved.key}/{reserved.attempt}") if isinstance(reserved, Proceed) else reserved
        )

    activities.deliver.reserve = reserving


def record_before_provider() -> None:
    """A message stands as sent before the provider has it."""
    send = Deliver._send  # noqa: SLF001 - a defect is sown into a private place

    @wraps(send)
    async def sending(self: Deliver, request: Any, proceed: Proceed, moment: Any) -> Any:
        await self.context.insist(lambda connection: record.record_sent(connection, proceed.message, "early"))
        return await send(self, request, proceed, moment)

    Deliver._send = sending  # type: ignore[method-assign]  # noqa: SLF001 - likewise


def doubts_sent_again() -> None:
    """What a plain provider may have is given to it again, although policy says to hold it."""

    async def doubted(_: Deliver, __: Any, ___: Any, ____: Any, reason: str) -> Any:
        raise ApplicationError(reason, type=reason)

    def again(self: Any, row: Any) -> Any:
        self.before = row
        return self._proceed(row["channel"], self._token(row["channel"], must=True), at=row["at"], doubted=True)

    Deliver._doubted = doubted  # type: ignore[method-assign]  # noqa: SLF001 - likewise
    Reserving._again = again  # type: ignore[method-assign]  # noqa: SLF001 - likewise


def stops_unheeded() -> None:
    """Neither the reservation nor the last look asks whether the journey was stopped, and the journey is not told."""

    async def untold(*_: Any) -> None:
        return None

    Reserving._barred = lambda _: None  # type: ignore[method-assign,assign]  # noqa: SLF001 - likewise
    record.mark_in_flight = _marked  # type: ignore[assign]
    Dispatcher._event = untold  # type: ignore[method-assign]  # noqa: SLF001 - likewise


def _marked(connection: Any, message: int, _: int) -> bool:
    connection.execute("update messages set state = 'in_flight' where id = %s", (message,))
    return True


DEFECTS: dict[str, Callable[[], None]] = {
    "attempt-in-key": attempt_in_key,
    "record-before-provider": record_before_provider,
    "doubts-sent-again": doubts_sent_again,
    "stops-unheeded": stops_unheeded,
}
