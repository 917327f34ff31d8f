"""One customer's facts as the fold takes them: plain tuples, instants in microseconds since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """The rows of each relation, laid out as `Relation.columns`, in any order.

    `zone` is the time zone whose days count for this customer: the own one, else the policy's. The row of the relation
    `customer` is the only one of its kind. Fields that nobody asked for may be None.
    """

    customer_id: int
    zone: str = "UTC"
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
