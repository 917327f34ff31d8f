"""What a kind of step is, and what compiling a step can use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.journeys.plan import Step
from engine.language.conditions import COUPON_STATES, TASK_STATES
from engine.language.issues import Report, Span
from engine.language.located import Mapping as LocatedMapping
from engine.language.located import Node
from engine.language.model import Model
from engine.language.own import NO_ACTIVITIES, OwnActivities
from engine.language.pools import Pools
from engine.language.scope import Names, Scope
from engine.language.triggers import Events
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step as written.

    `at` is the place of its kind's key, `value` what stands there, `holder` the whole entry (None for a bare word).
    """

    kind: str
    id: str
    place: int
    at: Span
    value: Node
    holder: LocatedMapping | None

    def beside(self, key: str) -> Node | None:
        """What stands beside the kind's key: then, else, got."""
        return None if self.holder is None else self.holder.get(key)


@dataclass(frozen=True, slots=True)
class Block:
    """Compiled steps. `open` tells that what follows can be reached."""

    code: tuple[Step, ...]
    open: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What compiling a step can use: the playbook's surroundings and its steps by their place."""

    subject: str
    scope: Scope
    events: Events
    policy: Policy | None
    """None if it has errors: then nothing is checked against it."""
    templates: frozenset[str]
    """File names under rules/templates."""
    kinds: "Mapping[str, StepKind]"
    steps: Mapping[str, int]
    ids: Mapping[Span, str]
    sends: frozenset[str]
    report: Report
    playbooks: Mapping[str, str] = field(default_factory=dict)
    """Subjects of all playbooks by name; empty where it is not known."""
    tasks: frozenset[str] = frozenset()
    """Steps that open a task."""
    coupons: frozenset[str] = frozenset()
    """Steps that give a coupon."""
    pools: Pools | None = None
    """All pools of coupons; None if they are not all known."""
    causes: list[tuple[Span, Step]] = field(default_factory=list)
    """Steps that may start a playbook, as they are met."""

    own: OwnActivities = NO_ACTIVITIES
    outputs: Mapping[str, Names] = field(default_factory=dict)
    """Steps that call something, with the fields of what they answer that conditions can ask for."""

    def scope_at(self, step: StepNode) -> Scope:
        """The names a condition in a step can use: also what became of earlier messages and calls."""
        askable = {*self.sends, *self.outputs, *self.tasks}
        asked = {name: place for name, place in self.steps.items() if name in askable}
        earlier = {name: of for name, of in self.outputs.items() if self.steps[name] < step.place}
        states = {**dict.fromkeys(self.tasks, TASK_STATES), **dict.fromkeys(self.coupons, COUPON_STATES)}
        return self.scope.at_step(step.place, asked, earlier, states)


@dataclass(frozen=True, slots=True)
class StepKind:
    """A kind of step: how its value is written, which blocks stand beside it, and how it becomes code.

    `shorthand` is a JSON Schema of what may stand in place of the model's mapping. `definition` names a part of the
    JSON Schema that is the whole value, where that is more than the model. `required` are the blocks that must be
    there.
    """

    name: str
    title: str
    compile: Callable[[Context, StepNode, int], Block]
    model: type[Model] | None = None
    definition: str | None = None
    shorthand: Mapping[str, object] | None = None
    blocks: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """Other keys beside the kind's: id and title where the value is no mapping of its own."""
    other: tuple[str, ...] = ()
    """Keys beside it that its compiler reads itself."""
    by: str | None = None
    """The part of the JSON Schema that says which of the model's keys follow from others."""
    fails: bool = True
    """Whether it asks or tells the world anything, which may be out of reach."""
