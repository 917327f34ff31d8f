"""Whether two shares differ by more than chance: 95 % intervals, from counts alone."""

from dataclasses import dataclass
from math import sqrt

Z = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    reached: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; of none it is 0."""
        return self.reached / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval by Wilson (1927), which holds for small counts and shares near 0 and 1 too."""
        if not self.of:
            return 0.0, 1.0
        n, p = self.of, self.value
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(one: Share, other: Share) -> tuple[float, float]:
    """The 95 % interval of one share less another, by Newcombe (1998), method 10: from both shares' own intervals."""
    (low, high), (other_low, other_high) = one.interval, other.interval
    apart = one.value - other.value
    down = sqrt((one.value - low) ** 2 + (other_high - other.value) ** 2)
    up = sqrt((high - one.value) ** 2 + (other.value - other_low) ** 2)
    return apart - down, apart + up
