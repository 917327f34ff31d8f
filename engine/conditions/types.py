"""The language's types and how each is held in Python.

| type | in Python |
|---|---|
| integer, money | int; money in minor units of the reporting currency |
| decimal | Decimal with its declared scale |
| boolean, string | bool, str |
| instant | int, microseconds since 1970-01-01T00:00:00Z |
| date | datetime.date of the customer's zone |
| set | frozenset of str |

Unknown is None in every type.
"""

from datetime import date
from decimal import Decimal
from typing import Literal

Type = Literal["integer", "decimal", "boolean", "string", "instant", "date", "set", "money"]
Value = bool | int | str | Decimal | date | frozenset[str] | None
