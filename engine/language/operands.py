"""Operands of comparisons: values read as the type of the name they are compared with."""

from datetime import UTC, date, datetime
from decimal import Decimal

from engine.conditions.ast import Scalar as Operand
from engine.language.issues import TITLES, Report, did_you_mean, one_of
from engine.language.located import Node, Scalar, found
from engine.language.scope import Typed
from engine.language.values import currencies
from engine.money import Money

_EXPECTED = {
    "integer": "a whole number",
    "decimal": "a number such as 4.5",
    "boolean": "true or false",
    "string": "text",
    "instant": 'an instant with its zone, such as "2026-03-01T10:00:00Z"',
    "date": "a date such as 2026-03-01",
    "set": "text",
    "money": "an amount such as 500 EUR",
}


def expected(typed: Typed) -> str:
    """What a name's type wants to be compared with, in words."""
    return _EXPECTED[typed.type] + (f" ({typed.unit})" if typed.unit and typed.type in ("integer", "decimal") else "")


def operand(node: Node, name: str, typed: Typed, report: Report) -> Operand | None:
    """Reads one operand that is not money; None and an issue if it is of another type."""
    value = _read(node, typed) if isinstance(node, Scalar) else None
    if value is None:
        report.error(
            "RG401", node.span, found(node), f"{expected(typed)}: {name} is of type {typed.type}", _hint(node, typed)
        )
    return value


def listed(node: Node, value: Operand | None, typed: Typed, report: Report) -> Operand | None:
    """The value, if it is one of those that there are; else None and an issue."""
    if value is None or typed.choices is None or value in typed.choices:
        return value
    known = sorted(typed.choices)
    what = "value" if typed.unlisted == "RG204" else TITLES[typed.unlisted].removeprefix("unknown ")
    expected = f"{_a(what)}: {one_of(known, 12)}" if known else f"{_a(what)}: none is declared"
    report.error(typed.unlisted, node.span, str(value), expected, did_you_mean(str(value), known))
    return None


def amount(node: Node, name: str, report: Report) -> Money | None:
    """Reads one amount of money; None and an issue if it is none."""
    text = node.text if isinstance(node, Scalar) and isinstance(node.value, str) else None
    if text is None:
        hint = f"write the currency too: {node.text} EUR" if _is_number(node) and isinstance(node, Scalar) else ""
        report.error("RG401", node.span, found(node), f"{_EXPECTED['money']}: {name} is of type money", hint)
        return None
    try:
        money = Money.parse(text)
    except ValueError as error:
        finer = "finer than" in str(error)
        wanted = "at most the decimals of the currency" if finer else f"{_EXPECTED['money']}: {name} is of type money"
        report.error("RG206" if finer or text[:1].isdigit() else "RG401", node.span, text, wanted)
        return None
    if money.currency not in currencies():
        hint = did_you_mean(money.currency, currencies())
        report.error("RG206", node.span, text, "a currency of ISO 4217 such as EUR", hint)
        return None
    return money


def _read(node: Scalar, typed: Typed) -> Operand | None:
    value = node.value
    match typed.type:
        case "boolean":
            return value if isinstance(value, bool) else None
        case "integer":
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        case "decimal":
            return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
        case "string" | "set":
            return value if isinstance(value, str) and value else None
        case "instant":
            return _instant(value)
        case "date":
            return _date(value)
        case "money":
            return None


def _instant(value: object) -> str | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _date(value: object) -> str | None:
    try:
        return date.fromisoformat(value).isoformat() if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _is_number(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, int | Decimal) and not isinstance(node.value, bool)


def _hint(node: Node, typed: Typed) -> str:
    if not isinstance(node, Scalar):
        return ""
    if typed.type in ("string", "set") and node.text and not isinstance(node.value, str):
        return f'quote it: "{node.text}"'
    if typed.type == "boolean" and node.text.lower() in ("yes", "no", "on", "off"):
        return "only true and false are booleans"
    if typed.type == "instant" and _date(node.value):
        return f'name the instant: "{node.text}T00:00:00Z"'
    if typed.type == "integer" and isinstance(node.value, Decimal):
        return "it counts in whole numbers"
    if typed.type == "integer" and typed.unit == "days" and node.text.rstrip("d").isdigit():
        return f"did you mean {node.text.rstrip('d')}?"
    return ""


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouR" else f"a {noun}"
