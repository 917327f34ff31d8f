"""How the provider answers: half as it should, a tenth each in one of five bad ways, by a hash of the seed.

A message's first, second, … contact is answered alike in every run of a seed, whoever makes it and whenever. After six
bad answers in a row to one recipient comes a good one: a message that met more would be what a whole run waits for,
since each retry waits twice as long as the one before.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["taken", "refused", "hung", "reset", "slow", "busy"]

FAULTS: tuple[Kind, ...] = ("refused", "hung", "reset", "slow", "busy")
SLOW_SECONDS = 5.0
RETRY_AFTER_SECONDS = 1
MOST_IN_A_ROW = 6


@dataclass(frozen=True)
class Answer:
    """What the provider does with one contact.

    `refused` is a 500, `busy` a 429 with Retry-After; `hung` takes the message and never answers; `slow` takes it and
    answers after five seconds; `reset` breaks the connection, and `late` says whether after taking the message.
    """

    kind: Kind
    late: bool = False


def answer(seed: int, recipient: str, contact: int) -> Answer:
    """The answer to one contact; the contacts of one recipient are counted from 1."""
    before = [_drawn(seed, recipient, contact - back).kind for back in range(1, MOST_IN_A_ROW + 1) if back < contact]
    if len(before) == MOST_IN_A_ROW and not {"taken", "slow"} & set(before):
        return Answer("taken")
    return _drawn(seed, recipient, contact)


def _drawn(seed: int, recipient: str, contact: int) -> Answer:
    digest = hashlib.sha256(f"{seed}/{recipient}/{contact}".encode()).digest()
    tenth = int.from_bytes(digest[:8], "big") * 10 >> 64
    return Answer(FAULTS[tenth], late=bool(digest[8] & 1)) if tenth < len(FAULTS) else Answer("taken")
