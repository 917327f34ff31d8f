"""What filling in one message may cost, so that no template runs without end."""

import time

MAX_STEPS = 20_000
MAX_CHARACTERS = 256 * 1024
MAX_SECONDS = 2.0


class BudgetSpent(Exception):  # noqa: N818 -- it is what happened; operators see a TemplateError
    """The template did more than any message needs; the text says more of what."""


class Budget:
    """Loop turns and calls, characters, and seconds of one message.

    Each payment also looks at the clock. As one operation between two payments works on values of bounded size, the
    deadline is kept although nothing interrupts it.
    """

    def __init__(self, steps: int = MAX_STEPS, characters: int = MAX_CHARACTERS, seconds: float = MAX_SECONDS) -> None:
        self._limits = (steps, characters, seconds)
        self._steps = steps
        self._output = characters
        # What is printed inside a macro or block is printed again with its result, so it counts apart and thrice.
        self._printed = 3 * characters
        self._deadline = time.monotonic() + seconds

    def step(self) -> None:
        """Pays for one turn of a loop, one call or one include."""
        self._steps -= 1
        if self._steps < 0:
            raise BudgetSpent(f"more than {self._limits[0]} loop turns and calls")
        if time.monotonic() > self._deadline:
            raise BudgetSpent(f"more than {self._limits[2]:g} seconds")

    def printed(self, characters: int) -> None:
        """Pays for a printed value."""
        self._printed -= characters
        if self._printed < 0:
            raise BudgetSpent(self._too_much())

    def output(self, characters: int) -> None:
        """Pays for a piece of the finished message."""
        self._output -= characters
        if self._output < 0:
            raise BudgetSpent(self._too_much())

    def _too_much(self) -> str:
        return f"more than {self._limits[1] // 1024} KB of text"


def check_length(length: int) -> None:
    """Bounds one value inside a template.

    Raises:
        BudgetSpent: it is longer than a whole message may be.
    """
    if length > MAX_CHARACTERS:
        raise BudgetSpent(f"a value of more than {MAX_CHARACTERS // 1024} KB")
