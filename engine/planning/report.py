"""What a plan says, as data. The names of fields are the names of the JSON, and stay; see docs/plan.md.

Amounts are minor units of `currency`; shares are parts of all customers, from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Edited = Literal["new", "removed", "edited", "affected"]
"""`affected`: not written otherwise itself, but what it depends on is."""


@dataclass(frozen=True, slots=True)
class Version:
    """One of both sides: its content hash, and what it is in words. The hash is None where there are no rules yet."""

    version: str | None
    what: str
    at: datetime | None = None
    by: str | None = None
    how: str | None = None
    """How it came into force: start, apply or rollback."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A clause as one version has it: its words, what was found, whether it holds."""

    clause: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Decisive:
    """A clause that decides, before and after; None where that version does not ask it."""

    before: Asked | None
    after: Asked | None


@dataclass(frozen=True, slots=True)
class Example:
    """A customer who is moved, by our number and the shop's name, and why."""

    id: int
    customer: str
    spend: int
    clauses: tuple[Decisive, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Customers who go from one name of a kind to another; of tags and segments one of both is None."""

    before: str | None
    after: str | None
    count: int
    share: float
    spend: int
    examples: tuple[Example, ...] = ()

    @property
    def what(self) -> str:
        """`enters`, `leaves` or `changes`."""
        return "enters" if self.before is None else "leaves" if self.after is None else "changes"


@dataclass(frozen=True, slots=True)
class Size:
    """How many are in a stage, tier, RFM group, segment or have a tag, before and after."""

    name: str
    title: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Group:
    """One tag, one segment, or all stages, tiers or RFM groups: what became of the rule, sizes, and who moves."""

    kind: str
    name: str
    title: str
    edited: Edited
    sizes: tuple[Size, ...]
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Starting:
    """Journeys of one playbook that `--start existing` would start.

    `changed` are customers whom the edited rules move as a trigger of it says, `inside` those who are where a new
    trigger says already; of both `only_if` and `once_per` leave some out. `held_out` start but get nothing.
    `messages` is the most that all of them could get in the coming week, `each` what one journey could send.
    """

    playbook: str
    title: str
    status: str
    triggers: tuple[str, ...]
    changed: int
    inside: int
    only_if: int
    once_per: int
    journeys: int
    held_out: int
    each: int
    messages: int


@dataclass(frozen=True, slots=True)
class Stand:
    """Journeys at one step: `to` which step of the edited playbook they go, or `why` it has no place for them."""

    step: str
    count: int
    to: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Journeys under way of a playbook: `plan` says whether the edited one is new, removed or the same for them.

    `edits` is what the edited playbook says of them: pin, migrate or drain. `stands` tells where those stand who go
    over; while the edited playbook has no place for somebody it cannot be applied.
    """

    playbook: str
    running: int
    held: int
    plan: Literal["same", "edited", "removed"]
    edits: str
    stands: tuple[Stand, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that was written otherwise: a playbook, a campaign, an attribute, a template; `what` in words."""

    kind: str
    name: str
    title: str
    edited: Edited
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that edited rules would change."""

    before: Version
    after: Version
    as_of: datetime
    customers: int
    changing: int
    currency: str | None
    groups: tuple[Group, ...] = ()
    starts: tuple[Starting, ...] = ()
    under_way: tuple[UnderWay, ...] = ()
    edits: tuple[Edit, ...] = ()
    policy: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is written otherwise."""
        return self.before.version != self.after.version

    @property
    def share(self) -> float:
        """The part of all customers who change."""
        return self.changing / self.customers if self.customers else 0.0

    @property
    def journeys(self) -> int:
        """How many `--start existing` would start."""
        return sum(each.journeys for each in self.starts)

    @property
    def messages(self) -> int:
        """How many of these could be sent in the coming week at most."""
        return sum(each.messages for each in self.starts)
