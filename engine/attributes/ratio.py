"""Division as attributes take it: exact, rounded half even, unknown when it has no answer."""

from decimal import Decimal
from fractions import Fraction

from engine.conditions.types import Value


def ratio(of: Value, over: Value, scale: int) -> Decimal | None:
    """`of / over` as a decimal of `scale` digits; unknown when either is unknown or `over` is zero."""
    units = whole(of, over, 10**scale)
    return None if units is None else Decimal(f"{units}E-{scale}")


def whole(of: Value, over: Value, times: int = 1) -> int | None:
    """`of * times / over` as a whole number; unknown when either is unknown or `over` is zero."""
    if of is None or not over:
        return None
    if isinstance(of, int) and isinstance(over, int):
        return _half_even(of * times, over)
    if isinstance(of, int | Decimal) and isinstance(over, int | Decimal):
        return round(Fraction(of) * times / Fraction(over))
    return None


def _half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * abs(rest) - abs(denominator)
    return quotient + (1 if twice > 0 or (twice == 0 and quotient % 2) else 0)
