"""`regulars worker`, killed by SIGKILL at one chosen point, once: python worker_process.py POINT MARKER --project DIR.

The point is one between two steps of the engine. The marker is a file that is made just before the kill, so that the
worker that is started next runs on. Nothing of the engine is replaced; a point only ends the process.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import activities.deliver
import engine.evaluation.sliced
from activities.call import CallOwn
from activities.campaign import RunCampaign
from activities.close_journey import CloseJourney
from activities.coupon import Coupon
from activities.decide import Decide
from activities.deliver import Deliver
from activities.evaluate import Evaluate
from activities.open_task import OpenTask
from activities.points import Points
from activities.providers.mailbox import Mailbox
from activities.providers.smtp import Smtp
from activities.start import Start
from engine.campaigns.starter import Starter
from engine.cli.main import main
from engine.dispatch.dispatcher import Dispatcher
from engine.evaluation.work import Work

Method = Callable[..., Awaitable[Any]]
POINT, MARKER = sys.argv[1:3]


def die_once() -> None:
    """Kills this process, unless one before it was killed here."""
    try:
        os.close(os.open(MARKER, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: type, name: str) -> None:
    method: Method = getattr(owner, name)

    @wraps(method)
    async def dying(*arguments: Any) -> Any:
        die_once()
        return await method(*arguments)

    setattr(owner, name, dying)


def after(owner: type, name: str) -> None:
    method: Method = getattr(owner, name)

    @wraps(method)
    async def dying(*arguments: Any) -> Any:
        result = await method(*arguments)
        die_once()
        return result

    setattr(owner, name, dying)


def before_reserve() -> None:
    reserve = activities.deliver.reserve

    def dying(*arguments: Any) -> Any:
        die_once()
        return reserve(*arguments)

    activities.deliver.reserve = dying


def in_flight() -> None:
    """The mark is committed and nothing is handed over yet."""
    before(Mailbox, "deliver")
    deliver = Smtp.deliver

    async def dying(self: Smtp, message: Any, key: str, before_commit: Callable[[], Awaitable[None]]) -> Any:
        async def marked() -> None:
            await before_commit()
            die_once()

        return await deliver(self, message, key, marked)

    Smtp.deliver = dying  # type: ignore[method-assign]  # the point is inside


def accepted() -> None:
    after(Mailbox, "deliver")
    after(Smtp, "deliver")


def in_a_batch() -> None:
    """Some of the batch have been sent, one is with the provider."""
    deliver, count = Mailbox.deliver, iter(range(1_000_000))

    async def dying(self: Mailbox, *arguments: Any) -> Any:
        result = await deliver(self, *arguments)
        if next(count) == 7:
            die_once()
        return result

    Mailbox.deliver = dying  # type: ignore[method-assign]  # the point is inside


def slices() -> None:
    """Chunks of a few customers, so that a slice has several."""
    engine.evaluation.sliced.CHUNK = 4


def in_a_slice() -> None:
    """One chunk of a slice has been judged and written, others have not."""
    slices()
    judge, count = Work.judge, iter(range(1_000_000))

    def dying(self: Work, *arguments: Any) -> Any:
        if next(count) == 1:
            die_once()
        return judge(self, *arguments)

    Work.judge = dying  # type: ignore[method-assign]  # the point is inside


POINTS: dict[str, Callable[[], None]] = {
    "before_reserve": before_reserve,
    "after_reserve": lambda: before(Deliver, "_send"),
    "in_flight": in_flight,
    "accepted": accepted,
    "after_record": lambda: after(Deliver, "_send"),
    "after_decide": lambda: after(Decide, "decide"),
    "after_task": lambda: after(OpenTask, "open_task"),
    "before_tell": lambda: before(Dispatcher, "tell"),
    "after_tell": lambda: after(Dispatcher, "tell"),
    "after_coupon": lambda: after(Coupon, "coupon"),
    "after_points": lambda: after(Points, "points"),
    "after_start": lambda: after(Start, "start"),
    "after_planned": lambda: after(RunCampaign, "plan_wave"),
    "in_a_batch": in_a_batch,
    "after_batch": lambda: after(RunCampaign, "send_wave"),
    "slices": slices,
    "in_a_slice": in_a_slice,
    "after_the_journeys": lambda: (slices(), after(Evaluate, "finish"))[0],
    "before_end": lambda: before(RunCampaign, "end_campaign"),
    "before_the_campaign_is_told": lambda: before(Starter, "_start"),
    "after_the_campaign_is_told": lambda: after(Starter, "_start"),
    "before_call": lambda: before(CallOwn, "_call"),
    "before_effect": lambda: before(CallOwn, "_run"),
    "after_effect": lambda: after(CallOwn, "_run"),
    "after_call": lambda: after(CallOwn, "_call"),
    "after_close": lambda: after(CloseJourney, "close_journey"),
    "nowhere": lambda: None,
}

if __name__ == "__main__":
    POINTS[POINT]()
    sys.argv = ["regulars", "worker", *sys.argv[3:]]
    main()
