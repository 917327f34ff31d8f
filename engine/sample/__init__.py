"""A shop that does not exist: the same customers, orders and troubles each time, to try everything on."""

from engine.sample.shop import END, LAST_WEEKS, MONTH, ZONE, generate

__all__ = ["END", "LAST_WEEKS", "MONTH", "ZONE", "generate"]
