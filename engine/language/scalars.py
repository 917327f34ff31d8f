"""Our own scalars of YAML 1.2: what unquoted text means.

Narrower than YAML's core schema on purpose, so that text means one thing to everyone: only `true`/`false` are
booleans (`NO` is Norway), numbers are decimal and written in full (`010` is ten; `0o10`, `0x1F`, `1e3` and `12:30`
are text), a number with a fraction is an exact decimal.
"""

import re
from decimal import Decimal

from engine.language.located import ScalarValue

MAX_DIGITS = 18
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
# A longer number would not fit the database's integers: it stays text, and a type check then refuses it.
_INTEGER = re.compile(rf"[-+]?[0-9]{{1,{MAX_DIGITS}}}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,9}")


def resolve(text: str) -> ScalarValue:
    """The value of an unquoted scalar; quoted ones are always text."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text
