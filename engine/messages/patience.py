"""When a message that waits without a known end is asked for again: soon at first, later more seldom."""

from datetime import datetime, timedelta

_PART = 4
_PAUSE = (timedelta(minutes=15), timedelta(hours=12))
_HOLD = (timedelta(hours=1), timedelta(days=1))


def after_pause(since: datetime, moment: datetime) -> datetime:
    """When to look whether a pause that began at `since` is over: in a quarter of an hour, at most in twelve hours."""
    return moment + _wait(moment - since, *_PAUSE)


def after_hold(due: datetime, moment: datetime) -> datetime:
    """When to look whether a hold is over, of a message first due at `due`: in an hour, at most in a day."""
    return moment + _wait(moment - due, *_HOLD)


def _wait(so_far: timedelta, least: timedelta, most: timedelta) -> timedelta:
    return min(max(so_far / _PART, least), most)
