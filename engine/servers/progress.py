"""Progress in plain lines on standard error, so that standard output stays the command's own."""

import sys
import time


def say(text: str) -> None:
    """Writes one line of progress."""
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
