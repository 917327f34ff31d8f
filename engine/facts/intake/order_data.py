"""What an event tells about an order, as rows and columns in minor units of one currency."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.contracts import money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import Incoming, Refusal
from engine.money import Money

_MOST = 2**63


def currency_of(incoming: Incoming) -> str:
    """The one currency of all amounts; the order's or the shop's where the event names none.

    Raises:
        Refusal: `mixed_currencies`.
    """
    found = {money.currency for money in _amounts(incoming.data)}
    if incoming.order.get("currency"):
        found.add(incoming.order["currency"])
    if len(found) > 1:
        raise Refusal("mixed_currencies", f"one order has one currency, found {', '.join(sorted(found))}")
    return found.pop() if found else incoming.currency


def _amounts(value: object) -> Iterator[Money]:
    if isinstance(value, Mapping):
        if set(value) == {"amount", "currency"}:
            yield money_of(value)
        else:
            for part in value.values():
                yield from _amounts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _amounts(part)


def refuse_repeated_numbers(data: Mapping[str, Any]) -> None:
    """Lines and payments each have a number of their own.

    Raises:
        Refusal: `contract_violation`.
    """
    for name, number in (("lines", "line"), ("payments", "sequence")):
        numbers = [part.get(number, place) for place, part in enumerate(data.get(name, ()), start=1)]
        if len(set(numbers)) < len(numbers):
            raise Refusal("contract_violation", f"{name}: the same `{number}` twice, expected each once")


def order_columns(data: Mapping[str, Any]) -> dict[str, object]:
    """The columns of an order as it is placed; a total that is not told is added up.

    Raises:
        Refusal: `contract_violation`, if the sum cannot be kept.
    """
    total, shipping, discount = (_minor(data, name) for name in ("total", "shipping", "discount"))
    lines = data.get("lines", ())
    if total is None and lines:
        goods = sum(
            money_of(line["unit_price"]).minor * line.get("quantity", 1) - (_minor(line, "discount") or 0)
            for line in lines
        )
        carried = shipping if shipping is not None else sum(_minor(line, "shipping") or 0 for line in lines)
        total = goods + carried - (discount or 0)
        if abs(total) >= _MOST:
            raise Refusal("contract_violation", f"lines: together {total} minor units, more than can be kept")
    estimated = data.get("estimated_at")
    return {
        "platform": data.get("platform"),
        "channel": data.get("channel"),
        "payment_method": data.get("payment_method"),
        "estimated_at": parse_instant(estimated) if estimated else None,
        "status": data.get("status"),
        "total": total,
        "shipping": shipping,
        "discount": discount,
        "ship_to_differs": data.get("ship_to_differs"),
    }


def line_rows(data: Mapping[str, Any], products: Mapping[str, tuple[int, str | None]]) -> Iterator[dict[str, object]]:
    """The rows of an order's lines, given the ids of their products."""
    for place, line in enumerate(data.get("lines", ()), start=1):
        yield {
            "line": line.get("line", place),
            "product_id": products[line["product"]][0],
            "quantity": line.get("quantity", 1),
            "unit_price": money_of(line["unit_price"]).minor,
            "discount": _minor(line, "discount"),
            "shipping": _minor(line, "shipping"),
            "seller": line.get("seller"),
        }


def payment_rows(data: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """The rows of the payments that an event tells."""
    for place, payment in enumerate(data.get("payments", ()), start=1):
        yield {
            "sequence": payment.get("sequence", place),
            "method": payment["method"],
            "amount": money_of(payment["amount"]).minor,
            "installments": payment.get("installments"),
            "paid_at": payment.get("paid_at"),
        }


def _minor(part: Mapping[str, Any], name: str) -> int | None:
    raw = part.get(name)
    return money_of(raw).minor if raw is not None else None
