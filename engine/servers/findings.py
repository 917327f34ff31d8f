"""What an examination finds: `regulars doctor` shows it, and ends with 3 if anything is wrong."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How something is."""

    OK = "ok"
    OFF = "off"  # not running, and nothing is wrong with that
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        subject: what was looked at.
        state: how it is.
        text: what was found; never a secret.
        hint: what to do about it.
    """

    subject: str
    state: State
    text: str
    hint: str = ""
