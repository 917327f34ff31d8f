"""The values that cut-offs are computed from, for many customers: those in the base of the tiers and of RFM."""

import json
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg

from engine.attributes.fold import compile_fold
from engine.conditions.ast import Condition, names
from engine.conditions.compile import Predicate, compile_condition
from engine.conditions.environment import Known
from engine.conditions.types import Value
from engine.dispatch.standing import Standings
from engine.facts.evaluate import evaluator
from engine.facts.read import read_customers
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs, Number, rfm_cut_offs, tier_cut_offs
from engine.standing.definition import StandingRules
from engine.standing.flip import Flips

Connection = psycopg.Connection[Any]
_LISTS = ("ranked", "recency", "frequency", "monetary")
Reader = Callable[[Connection, Sequence[int], Sequence[int]], list["Columns"]]


@dataclass
class Columns:
    """Values of those in a base, each list in no order that matters."""

    ranked: list[Number] = field(default_factory=list)
    recency: list[Number] = field(default_factory=list)
    frequency: list[Number] = field(default_factory=list)
    monetary: list[Number] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """As they are kept: of each list its values with how often each is there; a decimal is text."""
        counted = {
            name: [[_told(value), times] for value, times in Counter(vars(self)[name]).items()] for name in _LISTS
        }
        return zlib.compress(json.dumps(counted).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Columns":
        """What `to_bytes` gave."""
        told = json.loads(zlib.decompress(data))
        return cls(**{name: [_read(value) for value, times in told[name] for _ in range(times)] for name in _LISTS})

    def add(self, other: "Columns") -> None:
        """Takes in the values of another chunk."""
        self.ranked += other.ranked
        self.recency += other.recency
        self.frequency += other.frequency
        self.monetary += other.monetary

    def cut_offs(self, rules: StandingRules) -> CutOffs:
        """The cut-offs of tiers and RFM, where there are rules of them."""
        return CutOffs(
            None if rules.tiers is None else tier_cut_offs(self.ranked, rules.tiers),
            None if rules.rfm is None else rfm_cut_offs(self.recency, self.frequency, self.monetary, rules.rfm),
        )


def column_reader(rules: Rules, standings: Standings) -> Reader:
    """A function of a connection, customers and instants in microseconds, in order, that gives their values as of each.

    Only what the bases and measures name is read and folded. A base asks for attributes alone: what depends on cut-offs
    cannot decide whom they are computed from.
    """
    own = rules.standing
    if own.tiers is None and own.rfm is None:
        return lambda _connection, _ids, instants: [Columns() for _ in instants]
    types = evaluator(rules.catalogue, standings.currency).catalogue
    flips = Flips(StandingRules(tiers=own.tiers, rfm=own.rfm), rules.catalogue, rules.policy.zone)
    declared = {**rules.catalogue, **flips.companions}
    fold = compile_fold(declared, currency=standings.currency, only=flips.names, words=rules.words)
    flips.look_at(fold.reads)

    def compiled(base: Condition | None) -> Predicate:
        if base is None:
            return lambda _: True
        return compile_condition(base, currency=types.currency, types=types.types, events=types.events)

    in_tiers = compiled(own.tiers.base if own.tiers else None)
    in_rfm = compiled(own.rfm.base if own.rfm else None)

    def taken(values: Mapping[str, Value], at: int) -> Iterator[tuple[str, str]]:
        """The columns that a customer is in, each with the attribute that is put there."""
        known = Known(at, values)
        if own.tiers is not None and in_tiers(known):
            yield "ranked", own.tiers.rank_by
        if own.rfm is not None and in_rfm(known):
            yield from (("recency", own.rfm.recency.attribute), ("frequency", own.rfm.frequency.attribute))
            yield "monetary", own.rfm.monetary.attribute

    bases = (own.tiers.base if own.tiers else None, own.rfm.base if own.rfm else None)
    steady = flips.counted.isdisjoint(name for base in bases if base is not None for name in names(base))

    def read(connection: Connection, ids: Sequence[int], instants: Sequence[int]) -> list[Columns]:
        found = [Columns() for _ in instants]
        for facts in read_customers(connection, ids, relations=fold.reads, zone=rules.policy.zone):
            place = 0
            while place < len(instants):  # as of all instants before the next turn the values are the same
                at, after = instants[place], place + 1
                values = fold(facts, at)
                if steady and after < len(instants):
                    after = bisect_left(instants, flips.steady_until(facts, values, at), after)
                for column, name in taken(values, at):
                    if values[name] is None:  # an unknown value is not ranked
                        continue
                    for of in range(place, after):
                        now = flips.days_at(values, instants[of]) if name in flips.counted else values
                        getattr(found[of], column).append(now[name])
                place = after
        return found

    return read


def _told(value: Number) -> int | str:
    return str(value) if isinstance(value, Decimal) else value


def _read(value: int | str) -> Number:
    return Decimal(value) if isinstance(value, str) else value
