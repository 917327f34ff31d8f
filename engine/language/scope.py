"""Scopes: the names that a condition may use at its place, with their types."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.attributes.definition import AttributeDefinition
from engine.conditions.types import Type
from engine.language.sense.presence import Presence, presence_of

SUBJECT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "customer": (),
    "order": ("order",),
    "shipment": ("shipment", "order"),
    "case": ("case",),
}
ALL_SCOPES = ("order", "shipment", "case", "product", "trigger")

_BOUNDS: Mapping[str, tuple[int | None, int | None]] = {"count": (0, None), "hour": (0, 23), "weekday": (1, 7)}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a name stands for."""

    type: Type
    title: str = ""
    unit: str | None = None
    choices: frozenset[str] | None = None
    """All values there are: names of tags, segments, stages. None: any."""
    meanings: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What each of the choices means, for editors."""
    unlisted: str = ""
    """The issue code of a value that is not among the choices."""
    within: tuple[int | None, int | None] | None = None
    """The smallest and largest value of an integer, where they are known."""
    known: bool = False
    """Whether it is never unknown."""
    scale: int | None = None
    """Digits after the point of a decimal, where they are declared."""
    presence: Presence | None = None
    """What its value tells about the rows it is taken of."""
    of_standing: bool = False
    """Given by rules of standing, not an attribute of the catalogue."""


Names = Mapping[str, Typed]


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one place.

    `bare` are the customer's attributes or, in a `where`, the fields of the row or event. `broken` are declared names
    whose declaration has errors; `incomplete` tells that a whole file of declarations could not be read. `steps` are
    the steps of the playbook by their place in it; `before` limits them. `events` are the fields of each kind of
    event, for `did`; None where history cannot be asked.
    """

    what: str
    code: str
    bare: Names
    scoped: Mapping[str, Names] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    incomplete: bool = False
    steps: Mapping[str, int] = field(default_factory=dict)
    before: int = 0
    outputs: Mapping[str, Names] = field(default_factory=dict)
    """Of earlier steps that call something: the fields of what was answered."""
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What can have become of steps that are neither a message nor a call."""
    events: Mapping[str, Names] | None = None

    @property
    def names(self) -> Names:
        """All names by how conditions write them."""
        return {
            **self.bare,
            **{f"{head}.{name}": each for head, of in self.scoped.items() for name, each in of.items()},
            **{output_name(step, name): each for step, of in self.outputs.items() for name, each in of.items()},
        }

    def disables(self, name: str) -> bool:
        """Whether a name is, or may be, one whose declaration has errors."""
        return name in self.broken or (self.incomplete and name not in self.bare)

    def at_step(
        self,
        place: int,
        steps: Mapping[str, int],
        outputs: Mapping[str, Names] | None = None,
        states: Mapping[str, tuple[str, ...]] | None = None,
    ) -> "Scope":
        """The same names at a step of a playbook: earlier steps can be asked about."""
        return replace(self, before=place, steps=steps, outputs=outputs or {}, states=states or {})


def output_name(step: str, name: str) -> str:
    """What a field of a step's answer is called in a compiled condition."""
    return f"step.{step}.{name}"


def typed_attributes(catalogue: Mapping[str, AttributeDefinition]) -> dict[str, Typed]:
    """Attributes as names of conditions."""
    return {
        name: Typed(
            each.type,
            each.title,
            each.unit,
            within=_BOUNDS.get(each.aggregate),
            known=each.aggregate in ("count", "exists", "none"),
            scale=each.scale,
            presence=presence_of(each),
        )
        for name, each in catalogue.items()
    }


def fields(what: str, names: Names) -> Scope:
    """The scope of a `where`: fields of a row or event, and nothing else."""
    return Scope(what=what, code="RG303", bare=names)
