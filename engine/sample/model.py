"""What the sample shop is made of."""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Product:
    """One product; prices in cents, times in days."""

    key: str
    title: str
    category: str
    price: int
    launched: datetime
    settling: int
    repurchase: int | None
    color: str
    size: str


@dataclass
class Person:
    """One customer, with the habits that make the orders."""

    key: str
    given_name: str
    family_name: str
    email: str
    phone: str
    locale: str
    zone: str
    country: str
    region: str
    city: str
    postal_code: str
    birthday: date | None
    source: str
    signed_up: datetime
    habit: str
    category: str
    evenings: bool
    """Orders in the evening and at night rather than by day."""
    zone_told: bool = True
    bounced: datetime | None = None
    refuses_service: bool = False

    @property
    def reachable(self) -> bool:
        """Whether a service message would reach them."""
        return bool(self.email) and self.bounced is None and not self.refuses_service


@dataclass(frozen=True)
class Line:
    """One line of an order, in cents."""

    product: Product
    quantity: int
    discount: int


@dataclass
class Order:
    """One order; what has not happened by the end of the data stays unknown."""

    person: Person
    placed: datetime
    payment_method: str
    channel: str
    platform: str
    lines: list[Line]
    shipping: int
    discount: int
    ship_to_differs: bool
    number: str = ""
    paid: datetime | None = None
    packed: datetime | None = None
    shipped: datetime | None = None
    estimated: datetime | None = None
    delivered: datetime | None = None
    cancelled: datetime | None = None
    scene: str = ""
    """Set for the orders of the last two weeks that are there to show something."""

    @property
    def total(self) -> int:
        """What is to be paid."""
        goods = sum(line.product.price * line.quantity - line.discount for line in self.lines)
        return goods + self.shipping - self.discount

    @property
    def late(self) -> bool:
        """Whether it came after the promised instant."""
        return self.delivered is not None and self.estimated is not None and self.delivered > self.estimated


@dataclass(frozen=True)
class Table:
    """One CSV file: its columns and rows, every value as text."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
