"""A small sound set of rules that tests put their own files beside."""

from collections.abc import Mapping

ATTRIBUTES = """\
attributes:
  country: {title: Country, type: string, value: customer.country}
  birthday: {title: Birthday, type: date, value: customer.birthday}
  first_time_buyer: {title: First-time buyer, type: boolean, none: orders, where: {paid: true}}
  paid_orders: {title: Paid orders, type: integer, unit: orders, count: orders, where: {paid: true}}
  days_since_last_order: {title: Days since the last order, type: integer, unit: days, days_since: orders.placed_at}
  last_order_at: {title: Last order, type: instant, last: orders.placed_at}
  channels: {title: Channels, type: set, distinct: orders.channel}
  spend_24mo: {title: Spend in 24 months, type: money, sum: payments.amount, within: 24mo}
  average_score: {title: Average score, type: decimal, scale: 2, ratio: {of: score_sum, over: reviews_written}}
  score_sum: {title: Sum of scores, type: integer, sum: reviews.score}
  reviews_written: {title: Reviews, type: integer, count: reviews}
"""

POLICY = """\
policy:
  zone: Europe/Berlin
  purposes:
    service: {consent: opt_out}
    marketing: {consent: opt_in}
  channels:
    email: {provider: mailbox}
"""

PLAYBOOK = """\
playbook: reminder
title: Reminder
for: order
start: {event: order.placed, where: {payment_method: bank_slip}}
stop: {event: order.paid}
steps:
  - wait: 24h
  - send: {id: first, channel: email, template: unpaid}
"""

SHOP: Mapping[str, str] = {
    "attributes.yaml": ATTRIBUTES,
    "policy.yaml": POLICY,
    "playbooks/reminder.yaml": PLAYBOOK,
    "templates/unpaid.en.txt": "Subject: Your order\n\nPlease pay.",
    "templates/welcome.en.txt": "Subject: Welcome\n\nWelcome.",
    "templates/nur-deutsch.de.txt": "Subject: Hallo\n\nHallo.",
}


def playbook(steps: str, head: str = "for: order\nstart: {event: order.placed}\n") -> dict[str, str]:
    """The shop with one more playbook, of these steps (indented by two)."""
    return {**SHOP, "playbooks/tried.yaml": f"playbook: tried\ntitle: Tried\n{head}steps:\n{steps}"}


def condition(text: str) -> dict[str, str]:
    """The shop with a playbook that asks a condition."""
    return playbook(f"  - if: {text}\n    then: [end]\n")
