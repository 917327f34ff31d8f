"""The sample shop's products."""

from datetime import UTC, datetime, timedelta

from engine.sample.chance import Chance
from engine.sample.model import Product
from engine.sample.words import CATEGORIES, COLORS


def make_products(seed: int, end: datetime) -> list[Product]:
    """Each title in two colours; a quarter of them launched within the last year."""
    chance = Chance(seed, "products")
    products: list[Product] = []
    for category, (titles, low, high, settling, repurchase, sizes) in CATEGORIES.items():
        for title in titles:
            price = chance.whole(low, high) * 100 - chance.one((0, 1, 10, 50))
            for color in (chance.one(COLORS[:3]), chance.one(COLORS[3:])):
                age = chance.between(5, 340) if chance.happens(0.25) else chance.between(400, 1500)
                launched = (
                    (end - timedelta(days=age)).astimezone(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
                )
                products.append(
                    Product(
                        key=f"P{len(products) + 101}",
                        title=f"{title}, {color}",
                        category=category,
                        price=price,
                        launched=launched,
                        settling=settling,
                        repurchase=repurchase if chance.happens(0.9) else None,
                        color=color,
                        size=chance.one(sizes),
                    )
                )
    return products
