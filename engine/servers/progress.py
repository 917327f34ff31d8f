"""Progress in plain lines on standard error, so that standard output stays the command's own."""

import logging
import sys
import time

log = logging.getLogger("regulars.servers")
_told_by_log = False


def into_the_log() -> None:
    """From now on progress goes into this process's log: of one that runs on, standard error holds nothing else."""
    global _told_by_log  # noqa: PLW0603 - of the whole process, as its standard error is
    _told_by_log = True


def say(text: str) -> None:
    """Writes one line of progress."""
    if _told_by_log:
        log.info("%s", text.strip())
        return
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Paced:
    """Says at most one line every `seconds`, so that a long build shows life and floods nobody."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._started = self._last = time.monotonic()

    def say(self, text: str) -> None:
        """Writes the line with the elapsed time if the last one is old enough."""
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            say(f"  {text} ({now - self._started:.0f} s)")
