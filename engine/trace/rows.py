"""Recorded rows as moments of a timeline."""

from datetime import datetime

from engine.messages.in_words import in_words
from engine.trace.records import ActionRow, CallRow, HeldRow, MessageRow, ResponseRow, TagRow, TaskRow
from engine.trace.steps import Steps, message
from engine.trace.timeline import Moment

_DONE = {"pause": "Paused", "resume": "Resumed", "cancel": "Cancelled", "kill": "Killed"}


def told_message(steps: Steps, row: MessageRow) -> Moment:
    """What became of a message; of one that is held back, until when."""
    found = message(steps, row.step, row.at, row.state, row.reason, row.channel, row.template)
    return Moment(found.at, found.what, found.words, found.step, row.state, found.reason, row.until)


def told_held(steps: Steps, row: HeldRow) -> Moment:
    """A message that was held back for a while."""
    words = f"{steps.label(row.step)}: held back: {in_words(row.reason)}"
    return Moment(row.at, "message", words, row.step, "deferred", row.reason, row.until)


def told_response(steps: Steps, row: ResponseRow) -> Moment:
    """What the customer did with a message."""
    return Moment(row.at, "response", f"{steps.label(row.step)}: {row.kind}", row.step, row.kind)


def told_task(steps: Steps, step: str, row: TaskRow) -> Moment:
    """A task that was opened; `until` is when it is due."""
    return Moment(row.opened_at, "task", steps.label(step), step, "done", until=row.due_at)


def told_closed(row: TaskRow, at: datetime) -> Moment:
    """A task that somebody closed."""
    return Moment(at, "task", f"Task {row.title}: closed by {row.closed_by or 'nobody named'}", row.task, "closed")


def told_tag(row: TagRow, step: str = "") -> Moment:
    """A tag that was given; `until` is when it goes by itself."""
    return Moment(row.at, "tag", f"Gets the tag {row.tag}", step, "done", until=row.expires_at)


def told_call(steps: Steps, row: CallRow) -> Moment:
    """What a step gave or called; of a coupon `until` is when it expires. Its code is not told."""
    more = f"{row.points:+,} points" if row.points else ""
    found = steps.done(row.step, row.at, row.state, row.reason, more)
    return Moment(found.at, found.what, found.words, found.step, found.state, found.reason, row.expires_at)


def told_redeemed(steps: Steps, row: CallRow, at: datetime) -> Moment:
    """A coupon that was used."""
    return Moment(at, "coupon", f"{steps.label(row.step)}: redeemed", row.step, "redeemed")


def told_action(row: ActionRow) -> Moment:
    """What somebody did to the journey."""
    return Moment(
        row.at, "people", f"{_DONE.get(row.action, row.action)} by {row.author}: {row.reason}", state=row.action
    )
