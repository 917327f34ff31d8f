"""The one grammar of conditions, as data.

Every place that asks a question (segments, `if`, `where`, `only_if`) holds one of these trees. A name is bare for the
customer (`spend_24mo`) or scoped (`order.total`); in a `where` a bare name is a field of the row or event.
Trees are built by `engine.language`, travel as JSON inside plans, and are compiled by `engine.conditions.compile`.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, SerializerFunctionWrapHandler, Tag, model_serializer

from engine.money import Money

# What a rule can compare with. Instants are ISO 8601 text ending in Z, dates ISO text: the attribute's type says which.
Scalar = bool | int | str
Operator = Literal["eq", "lt", "lte", "gt", "gte", "in", "not_in", "has_any", "has_all", "has_none", "known", "unknown"]


class Node(BaseModel):
    """Common configuration of every part of a condition: immutable, closed, compact as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_serializer(mode="wrap")
    def _keep_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Defaults may be left out of the JSON, the discriminator may not, but for that of a comparison."""
        told = handler(self)
        return told if isinstance(self, Compare) else {"kind": getattr(self, "kind", None), **told}


class Compare(Node):
    """`name: value` or one `operator: operand` of `name: {operator: operand}`.

    A money operand is given in minor units, one for each currency: the reporting currency picks the threshold, and
    with none for it the comparison is unknown, hence false. Durations compare as whole seconds.
    """

    kind: Literal["compare"] = "compare"
    name: str
    operator: Operator = "eq"
    operand: Scalar | None = None
    operands: tuple[Scalar, ...] = ()
    """For in, not_in, has_*."""
    amounts: tuple[tuple[str, int], ...] = ()
    """For money: (currency, minor units), in place of operand."""


class All(Node):
    """Every part holds; an empty `all` holds."""

    kind: Literal["all"] = "all"
    parts: tuple["Condition", ...]


class Any(Node):
    """At least one part holds; an empty `any` does not."""

    kind: Literal["any"] = "any"
    parts: tuple["Condition", ...]


class Not(Node):
    """Plain negation: a comparison with an unknown value is false, so its negation is true."""

    kind: Literal["not"] = "not"
    part: "Condition"


class Did(Node):
    """The customer had at least `times` events of this kind, optionally within a window before the instant.

    `did_not` is `Not(Did(...))`.
    """

    kind: Literal["did"] = "did"
    event: str
    where: "Condition | None" = None
    within_seconds: int | None = None
    times: int = 1


class StepIs(Node):
    """`{step: first, sent: true}`: what has become of an earlier step of the same journey."""

    kind: Literal["step"] = "step"
    step: str
    state: Literal["sent", "skipped", "opened", "clicked", "replied", "redeemed", "bounced", "failed", "done", "closed"]
    is_: bool = Field(alias="is", default=True)


def _kind(told: object) -> str:
    """Of a node, or of its JSON: without a kind it is a comparison, which conditions mostly consist of."""
    return str(told.get("kind", "compare") if isinstance(told, dict) else getattr(told, "kind", ""))


Condition = Annotated[
    Annotated[Compare, Tag("compare")]
    | Annotated[All, Tag("all")]
    | Annotated[Any, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Did, Tag("did")]
    | Annotated[StepIs, Tag("step")],
    Discriminator(_kind),
]

All.model_rebuild()
Any.model_rebuild()
Not.model_rebuild()
Did.model_rebuild()


def leaves(condition: Condition) -> Iterator[Compare | Did | StepIs]:
    """What a condition asks, in the order of writing; what is asked inside of a `where` is not included."""
    match condition:
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            yield condition


def compares(condition: Condition) -> Iterator[Compare]:
    """Every comparison of a condition; those inside a `where` are not included."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Compare))


def dids(condition: Condition) -> Iterator[Did]:
    """Every question for events in a condition."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Did))


def names(condition: Condition) -> frozenset[str]:
    """The attribute names a condition reads, scoped ones with their scope; those inside a `where` are not included."""
    return frozenset(compare.name for compare in compares(condition))


def money(amounts: tuple[Money, ...]) -> tuple[tuple[str, int], ...]:
    """Operand amounts of a money comparison from money values."""
    return tuple((amount.currency, amount.minor) for amount in amounts)
