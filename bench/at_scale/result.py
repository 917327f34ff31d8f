"""What a side found: the values of everybody and who is in what, in a form in which sides are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Member = tuple[int, str, str]
"""Our number of the customer, tag or segment, and its name."""


@dataclass(frozen=True)
class Result:
    """Rows of values by name, each with its `customer`; RFM stands among them. Sets are sorted lists."""

    values: Sequence[Mapping[str, Any]]
    members: frozenset[Member]

    def differences(self, other: "Result") -> list[str]:
        """Each difference in words: at most twenty."""
        told = [
            f"customer {one['customer']}: {name} is {one[name]!r} and {two.get(name)!r}"
            for one, two in zip(self.values, other.values, strict=True)
            for name in one
            if not _same(one[name], two.get(name))
        ]
        told += [f"only the one has {each}" for each in self.members - other.members]
        told += [f"only the other has {each}" for each in other.members - self.members]
        return told[:20]


def _same(one: object, two: object) -> bool:
    """Numbers by their value: a sum may be held in a wider type."""
    if isinstance(one, int | Decimal) and isinstance(two, int | Decimal):
        return one == two and isinstance(one, bool) == isinstance(two, bool)
    return one == two and type(one) is type(two)
