"""Cut-offs: where tiers, high values and scores begin, computed from a population and applied to one customer.

All of it is exact: values are integers (money in minor units) or decimals, and no float is made.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import ceil, floor
from typing import Any, Literal

from engine.standing.definition import Measure, Rfm, Tiers

Number = int | Decimal
Better = Literal["more", "less"]
_WHOLE = 10_000  # basis points


@dataclass(frozen=True)
class MeasureCutOffs:
    """Of one of R, F, M: from which value it counts as high, and from which each score from 2 up is given.

    A score that nobody reaches has none. `better` says which way values improve: R is better when it is less.
    """

    better: Better
    high: Number | None
    scores: tuple[Number | None, ...]

    @cached_property
    def turns(self) -> tuple[int, ...]:
        """Whole numbers from which on another score is given, or a value is high or is so no more, in order."""
        passed = self.better == "less"  # it is reached by less, and left by the next number
        return tuple(sorted(each + passed for each in (self.high, *self.scores) if isinstance(each, int)))

    def is_high(self, value: Number) -> bool:
        """At or better than where high begins."""
        return self._reaches(value, self.high)

    def score(self, value: Number) -> int:
        """From 1 to one more than there are cut-offs; the last is best."""
        known = self._known_scores
        return 1 + (len(known) - bisect_left(known, value) if self.better == "less" else bisect_right(known, value))

    @cached_property
    def _known_scores(self) -> list[Number]:
        return sorted(each for each in self.scores if each is not None)

    def _reaches(self, value: Number, cut_off: Number | None) -> bool:
        if cut_off is None:
            return False
        return value <= cut_off if self.better == "less" else value >= cut_off


@dataclass(frozen=True, slots=True)
class RfmCutOffs:
    """Those of recency, frequency and monetary value."""

    recency: MeasureCutOffs
    frequency: MeasureCutOffs
    monetary: MeasureCutOffs


@dataclass(frozen=True, slots=True)
class CutOffs:
    """What a bulk run publishes. `tiers`: the least value of each tier but the last; none where nobody is ranked."""

    tiers: tuple[Number | None, ...] | None = None
    rfm: RfmCutOffs | None = None

    def without_scores(self) -> "CutOffs":
        """Where groups begin, but no score: nobody's standing turns for the sake of one."""
        if self.rfm is None:
            return self
        return replace(self, rfm=RfmCutOffs(*(replace(getattr(self.rfm, name), scores=()) for name in _MEASURES)))

    def to_json(self) -> dict[str, Any]:
        """As JSON data; a decimal is text."""
        tiers = None if self.tiers is None else [_told(each) for each in self.tiers]
        if self.rfm is None:
            return {"tiers": tiers, "rfm": None}
        measures = {name: getattr(self.rfm, name) for name in _MEASURES}
        return {
            "tiers": tiers,
            "rfm": {
                name: {"better": each.better, "high": _told(each.high), "scores": [_told(one) for one in each.scores]}
                for name, each in measures.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CutOffs":
        """What `to_json` gave."""
        tiers, rfm = data.get("tiers"), data.get("rfm")
        return cls(
            None if tiers is None else tuple(_read(each) for each in tiers),
            None if rfm is None else RfmCutOffs(*(_measure_from(rfm[name]) for name in _MEASURES)),
        )


Published = tuple[tuple[int, CutOffs], ...]
"""Cut-offs, each from its instant on, in microseconds since the epoch."""
_MEASURES = ("recency", "frequency", "monetary")


def tier_cut_offs(values: Sequence[Number], tiers: Tiers) -> tuple[Number | None, ...]:
    """The least value of each tier but the last: that at rank ceil(n * share) from the top, so ties go up.

    Args:
        values: of all who are in the tiers' base, in any order.
        tiers: their shares are cumulative from the top, in basis points.
    """
    return tier_cut_offs_in_order(sorted(values, reverse=True), tiers)


def tier_cut_offs_in_order(ordered: Sequence[Number], tiers: Tiers) -> tuple[Number | None, ...]:
    """The same of values that are in order, the best first."""
    shares = [tier.share for tier in tiers.tiers[:-1]]
    return tuple(_at_rank(ordered, share or 0) for share in shares)


def _at_rank(ordered: Sequence[Number], share: int) -> Number | None:
    rank = -(-len(ordered) * share // _WHOLE)
    return ordered[rank - 1] if rank else None


def tier_of(value: Number | None, cut_offs: Sequence[Number | None]) -> int:
    """The place of a value's tier, best first; an unknown value is in the last."""
    if value is not None:
        for place, cut_off in enumerate(cut_offs):
            if cut_off is not None and value >= cut_off:
                return place
    return len(cut_offs)


def rfm_cut_offs(
    recency: Sequence[Number], frequency: Sequence[Number], monetary: Sequence[Number], rfm: Rfm
) -> RfmCutOffs:
    """Cut-offs from the values of all who are in the base, each in any order."""
    return rfm_cut_offs_in_order(sorted(recency, reverse=True), sorted(frequency), sorted(monetary), rfm)


def rfm_cut_offs_in_order(
    recency: Sequence[Number], frequency: Sequence[Number], monetary: Sequence[Number], rfm: Rfm
) -> RfmCutOffs:
    """The same of values that are in order, the best last: days since an order from most to least."""
    return RfmCutOffs(
        _measure(recency, rfm.recency, rfm.scores, "less"),
        _measure(frequency, rfm.frequency, rfm.scores, "more"),
        _measure(monetary, rfm.monetary, rfm.scores, "more"),
    )


def _measure(ordered: Sequence[Number], measure: Measure, scores: int, better: Better) -> MeasureCutOffs:
    high = measure.high_from if measure.quantile is None else _quantile(ordered, measure.quantile, better)
    return MeasureCutOffs(better, high, score_cut_offs(ordered, scores))


def _quantile(ordered: Sequence[Number], share: int, better: Better) -> Number | None:
    """Between two values it is the point on the line, rounded to the whole number that splits the values alike."""
    if not ordered:
        return None
    place, rest = divmod((len(ordered) - 1) * share, _WHOLE)
    here = ordered[place]
    value = Fraction(here)
    if rest:
        value += Fraction(rest, _WHOLE) * (Fraction(ordered[place + 1]) - value)
    if isinstance(here, Decimal):  # the least good of the values that reach the quantile
        return here if value == here else ordered[place + 1]
    return floor(value) if better == "less" else ceil(value)


def score_cut_offs(ordered: Sequence[Number], scores: int) -> tuple[Number | None, ...]:
    """From which value each score from 2 up is given, by percent rank.

    The percent rank of a value is (rank - 1) / (n - 1), where ties have their lowest rank; its score is
    min(scores, 1 + floor(scores * percent rank)).

    Args:
        ordered: the values, the best last.
        scores: how many there are.
    """
    last = len(ordered) - 1
    if last < 1:
        return (None,) * (scores - 1)
    return tuple(_first_from(ordered, -(-below * last // scores)) for below in range(1, scores))


def _first_from(ordered: Sequence[Number], place: int) -> Number | None:
    """The first value of which the lowest rank is at a place or after it."""
    value = ordered[place]
    if place == 0 or ordered[place - 1] != value:
        return value
    low, high = place + 1, len(ordered)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ordered[middle] == value else (low, middle)
    return ordered[low] if low < len(ordered) else None


def _told(value: Number | None) -> int | str | None:
    return str(value) if isinstance(value, Decimal) else value


def _read(value: int | str | None) -> Number | None:
    return Decimal(value) if isinstance(value, str) else value


def _measure_from(data: Mapping[str, Any]) -> MeasureCutOffs:
    return MeasureCutOffs(data["better"], _read(data["high"]), tuple(_read(each) for each in data["scores"]))
