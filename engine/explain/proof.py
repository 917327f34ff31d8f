"""A proof as data: what was asked, the verdict, the clauses with their values, and the facts behind these.

Instants are microseconds since the epoch; `to_json` tells them as ISO 8601 text in UTC. The names of fields are the
names of the JSON, and stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from engine.conditions.operands import instant
from engine.conditions.types import Value


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, told apart from plain numbers."""

    at: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the facts: its relation, the shop's name for it, its instant and what of it was read.

    `decides`: it alone gives the value, as the last order does for the days since it.
    """

    relation: str
    key: str
    at: Instant | None
    says: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Behind:
    """What a value comes from: `how` in words, the facts (at most some of `count` in all), or other attributes."""

    how: str
    facts: tuple[Fact, ...] = ()
    count: int = 0
    parts: tuple["Valued", ...] = ()


@dataclass(frozen=True, slots=True)
class Valued:
    """An attribute and its value; `shown` is the value in words."""

    name: str
    title: str
    value: Value
    shown: str
    behind: Behind | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a rule: `kind` is compare, did, all, any or not; `words` are the operator's.

    `value` is what the name held, `shown` the same in words; `found` how many events a `did` found. `because` proves
    the tag, segment, stage, tier or group that the clause names.
    """

    kind: str
    words: str
    verdict: bool
    name: str | None = None
    value: Value = None
    shown: str = ""
    found: int | None = None
    behind: Behind | None = None
    because: tuple["Proof", ...] = ()
    parts: tuple["Clause", ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """The next change if nothing happens: when, to what, and the clauses that turn then, in words.

    With `at` None nothing changes until `looked_until`, or ever if that is None too.
    """

    at: Instant | None
    verdict: bool | None = None
    becomes: str | None = None
    clauses: tuple[str, ...] = ()
    looked_until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A clause of the smallest set that would have to hold: what it is now, and by how much it fails.

    `must_hold` false: it is one that would have to fail, since the rule asks that it does not hold. `because` says
    the same of the tag, segment or other standing that it names.
    """

    words: str
    must_hold: bool
    shown: str
    short_of: str = ""
    because: tuple["WhyNot", ...] = ()


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The smallest set of clauses that would have to turn for the rule to hold; empty if it holds.

    `possible` false: no clauses can make it hold, as where a tier has no cut-off.
    """

    kind: str
    name: str
    clauses: tuple[Missing, ...]
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of one rule: `verdict` whether the customer has it, `holds` whether its condition holds now.

    They differ where a tag was given by hand or has expired, or a tier is kept until the review; `notes` say so.
    """

    kind: str
    name: str
    title: str
    verdict: bool
    holds: bool
    clause: Clause | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """With what it was decided: the rules' version and the published cut-offs, and of whom as of when."""

    customer: str
    customer_id: int
    as_of: Instant
    zone: str
    rules_version: str
    cut_offs: int | None
    cut_offs_as_of: Instant | None


@dataclass(frozen=True, slots=True)
class Explained:
    """The whole answer to one question: the proof or the attribute, when it turns, and why not."""

    decided: Decided
    proof: Proof | None = None
    attribute: Valued | None = None
    turn: Turn | None = None
    why_not: WhyNot | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Had:
    """One thing a customer has: of which kind, its name and title, and since when by the history, if that is known."""

    kind: str
    name: str
    title: str
    since: Instant | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole standing in short, and when it next changes."""

    decided: Decided
    stage: Had | None
    tier: Had | None
    rfm_group: Had | None
    rfm_scores: tuple[int | None, int | None, int | None]
    segments: tuple[Had, ...]
    tags: tuple[Had, ...]
    next_changes: tuple[str, ...]
    turns_at: Instant | None
    notes: tuple[str, ...] = ()


def to_json(told: object) -> Any:  # noqa: ANN401 -- JSON data
    """JSON data of anything here: fields by name; decimals and dates as text, sets sorted."""
    match told:
        case Instant(at=at):
            return instant(at).isoformat().replace("+00:00", "Z")
        case None | bool() | int() | str():
            return told
        case frozenset():
            return sorted(told)
        case tuple() | list():
            return [to_json(each) for each in told]
        case Mapping():
            return {name: to_json(each) for name, each in told.items()}
        case _ if is_dataclass(told):
            return {each.name: to_json(getattr(told, each.name)) for each in fields(told)}
        case _:
            return str(told)
