"""Exact division in SQL, rounded half even: what `engine.attributes.ratio` is in Python."""

from engine.query.conditions import Column
from engine.query.dialect import Dialect
from engine.query.layers import Layers

DAY = 86_400_000_000
"""Microseconds."""

_FITS = 2**62
"""Below it twice a number is one of 64 bits, whose division takes a tenth of that of 128."""


class Divider:
    """Makes quotients as columns; every number and every result is a count of a scale's smallest steps."""

    def __init__(self, layers: Layers, dialect: Dialect) -> None:
        self._layers, self._dialect = layers, dialect

    def divide(self, of: Column, over: Column, scale: int) -> str:
        """The column of `of / over` in steps of `scale` digits; NULL where either is, or `over` is zero."""
        power = scale + over.scale - of.scale
        above, below = self._huge(of, max(power, 0)), self._huge(over, max(-power, 0))
        sizes = [self._made(f"abs({above})", above), self._made(f"nullif(abs({below}), 0)", below)]
        small = self._made(f"({sizes[0]} < {_FITS} AND {sizes[1]} < {_FITS})", *sizes)
        short = self._rounded(*(self._made(self._if(small, each, self._dialect.big), small, each) for each in sizes))
        long = self._rounded(*(self._made(self._unless(small, each), small, each) for each in sizes))
        either = f"coalesce({self._dialect.cast(short, self._dialect.huge)}, {long})"
        sign = f"CASE WHEN ({above} < 0) <> ({below} < 0) THEN -1 ELSE 1 END"
        return self._made(f"({sign} * {either})", above, below, short, long)

    def _rounded(self, of: str, over: str) -> str:
        """Of numbers that are not negative."""
        quotient = self._made(self._dialect.quotient(of, over), of, over)
        rest = self._made(f"({of} - {quotient} * {over})", of, over, quotient)
        up = f"(2 * {rest} > {over} OR (2 * {rest} = {over} AND {quotient} % 2 = 1))"
        return self._made(f"({quotient} + CASE WHEN {up} THEN 1 ELSE 0 END)", quotient, rest, over)

    def _if(self, small: str, size: str, kind: str) -> str:
        return f"CASE WHEN {small} THEN {self._dialect.cast(size, kind)} END"

    def _unless(self, small: str, size: str) -> str:
        return f"CASE WHEN NOT {small} THEN {size} END"

    def _huge(self, number: Column, power: int) -> str:
        whole = self._dialect.cast(number.sql, self._dialect.huge)
        times = self._dialect.cast(self._dialect.whole(10**power), self._dialect.huge)
        return self._made(f"({whole} * {times})" if power else whole, number.sql)

    def _made(self, expression: str, *uses: str) -> str:
        return self._layers.make(expression, uses)
