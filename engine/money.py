"""Money: integer minor units with a currency, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    "BHD": 3, "CLP": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3,
    "LYD": 3, "OMR": 3, "PYG": 0, "TND": 3, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0,
}  # fmt: skip
_PATTERN = re.compile(r"(-?\d{1,15}(?:\.\d{1,3})?) ([A-Z]{3})")


def exponent(currency: str) -> int:
    """Digits of the currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of an ISO 4217 currency."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> "Money":
        """Reads `500 EUR` or `12.50 EUR`.

        Raises:
            ValueError: not an amount and a currency, or finer than the minor unit.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an amount such as 500 EUR or 12.50 EUR")
        amount, currency = match.groups()
        return cls(to_minor(amount, currency), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in whole currency units."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        """`500.00 EUR`."""
        return f"{self.amount} {self.currency}"


def to_minor(amount: str, currency: str) -> int:
    """Turns a decimal amount as text into minor units of its currency.

    Raises:
        ValueError: not a decimal number, or finer than the currency's minor unit.
    """
    try:
        scaled = Decimal(amount).scaleb(exponent(currency))
    except ArithmeticError:
        raise ValueError(f"{amount!r} is not an amount") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{amount!r} is finer than the minor unit of {currency}")
    return int(scaled)
