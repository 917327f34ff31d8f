"""Rules of a bench of many customers: sixty attributes of order lines, RFM, fifty rules and two playbooks.

One playbook starts by a change of standing, one by an event that few orders tell, and both stop by a payment.
"""

from collections.abc import Iterator

from bench.figures import ROOT
from engine.language.rules import Rules, compile_rules, load_rules

ATTRIBUTES, RULES = 60, 50
_WINDOWS = (7, 30, 90, 180, 365, 730)
_KINDS = {
    "lines": ("integer", "count: lines", ""),
    "pieces": ("integer", "sum: lines.quantity", ""),
    "worth": ("money", "sum: lines.amount", ""),
    "dearest": ("money", "max: lines.unit_price", ""),
    "cheapest": ("money", "min: lines.unit_price", ""),
    "products": ("integer", "distinct: lines.product", ""),
    "groups": ("integer", "distinct: lines.category", ""),
    "shoes": ("integer", "count: lines", ", category: shoes"),
    "bags": ("money", "sum: lines.amount", ", category: bags"),
    "reduced": ("integer", "count: lines", ", discounted: true"),
}
_SHIPPED = ("attributes/orders.yaml", "attributes/payments.yaml", "attributes/rfm.yaml", "rfm.yaml", "policy.yaml")
_PLAYBOOKS = {
    "big-spender": "{enters: {segment: rule-0}}",
    "odd-payment": "{event: order.placed, where: {payment_method: invoice}}",
}
_PLAYBOOK = """
playbook: NAME
title: NAME
for: customer
start: {any: [START], max_age: 24h, once_per: 30d}
stop: {event: order.paid}
controls: {purpose: marketing}
steps:
  - wait: 7d
  - end
"""


def fifty_rules() -> Rules:
    """The rules, compiled.

    Raises:
        ValueError: they are not sound.
    """
    shipped = load_rules(ROOT / "rules").files
    files = {name: text for name, text in shipped.items() if name in _SHIPPED}
    files["attributes/lines.yaml"] = "attributes:\n" + "".join(_attributes())
    files["segments.yaml"] = "segments:\n" + "".join(_segments())
    files |= {
        f"playbooks/{name}.yaml": _PLAYBOOK.replace("NAME", name).replace("START", start)
        for name, start in _PLAYBOOKS.items()
    }
    rules = compile_rules(files)
    if errors := [str(issue) for issue in rules.issues if issue.severity == "error"]:
        raise ValueError("\n".join(errors))
    return rules


def _names() -> list[tuple[str, str, int]]:
    return [(f"{kind}_{days}d", kind, days) for kind in _KINDS for days in _WINDOWS]


def _attributes() -> Iterator[str]:
    for name, kind, days in _names():
        of, computed, where = _KINDS[kind]
        yield f"  {name}:\n    title: {name}\n    type: {of}\n    {computed}\n"
        yield f"    where: {{paid: true{where}}}\n    within: {days}d\n"


def _segments() -> Iterator[str]:
    names = _names()
    for number in range(RULES):
        (one, kind, _), (other, other_kind, _) = names[number], names[-1 - number]
        tests = f"{one}: {_above(kind, number)}", f"{other}: {_above(other_kind, number + 3)}"
        more = ", {rfm_recency: {gte: 4}}" if number % 10 == 0 else ""
        yield f"  rule-{number}:\n    title: Rule {number}\n    when: {{any: [{{{tests[0]}}}, {{{tests[1]}}}{more}]}}\n"


def _above(kind: str, number: int) -> str:
    return f"{{gte: {number * 20 % 400 + 10} EUR}}" if _KINDS[kind][0] == "money" else f"{{gte: {1 + number % 5}}}"
