"""Experiments: each subject always gets the same arm, on any machine and in any run."""

import hashlib
from collections.abc import Sequence

WHOLE = 10_000
"""All shares together, in basis points."""


def arm_of(key: str, shares: Sequence[int]) -> int:
    """The number of the arm for a key (subject and experiment), with arms as often as their shares say.

    An arm whose share grows at its end keeps whom it had. Where the shares are less than the whole, the last arm has
    the rest.
    """
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()) % WHOLE
    for number, share in enumerate(shares):
        if place < share:
            return number
        place -= share
    return len(shares) - 1
