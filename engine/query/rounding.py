"""Exact division in SQL, rounded half even: what `engine.attributes.ratio` is in Python."""

from engine.query.conditions import Column
from engine.query.dialect import Dialect
from engine.query.layers import Layers

DAY = 86_400_000_000
"""Microseconds."""


class Divider:
    """Makes quotients as columns; every number and every result is a count of a scale's smallest steps."""

    def __init__(self, layers: Layers, dialect: Dialect) -> None:
        self._layers, self._dialect = layers, dialect

    def divide(self, of: Column, over: Column, scale: int) -> str:
        """The column of `of / over` in steps of `scale` digits; NULL where either is, or `over` is zero."""
        power = scale + over.scale - of.scale
        above, below = self._huge(of, max(power, 0)), self._huge(over, max(-power, 0))
        size = self._layers.make(f"nullif(abs({below}), 0)", [below])
        quotient = self._layers.make(self._dialect.quotient(f"abs({above})", size), [above, size])
        rest = self._layers.make(f"(abs({above}) % {size})", [above, size])
        up = f"(2 * {rest} > {size} OR (2 * {rest} = {size} AND {quotient} % 2 = 1))"
        sign = f"CASE WHEN ({above} < 0) <> ({below} < 0) THEN -1 ELSE 1 END"
        rounded = f"({sign} * ({quotient} + CASE WHEN {up} THEN 1 ELSE 0 END))"
        return self._layers.make(rounded, [above, below, size, quotient, rest])

    def _huge(self, number: Column, power: int) -> str:
        whole = self._dialect.cast(number.sql, self._dialect.huge)
        times = (
            f"{whole} * {self._dialect.cast(self._dialect.whole(10**power), self._dialect.huge)}" if power else whole
        )
        return self._layers.make(f"({times})", [number.sql])
