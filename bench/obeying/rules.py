"""Rules in which every control of the policy has something to say."""

from functools import cache

from engine.language.rules import Rules, compile_rules

PHASES = 21

POLICY = """
policy:
  zone: Europe/Berlin
  quiet_hours: {start: "21:00", end: "08:00", spread: 30m, exempt: [transactional]}
  weekdays: [monday, tuesday, wednesday, thursday, friday, saturday]
  holidays: {countries: [DE, FR, US], days: [2026-03-18]}
  blackout:
    - {from: 2026-03-23, to: 2026-03-26, purposes: [marketing]}
    - {from: 2026-04-14, to: 2026-04-15}
  purposes:
    transactional: {consent: none}
    service: {consent: opt_out}
    marketing: {consent: opt_in}
  channels:
    email: {provider: mailbox}
    sms: {provider: mailbox, limit: {count: LIMIT, per: 6h, burst: 1}}
  priorities: [transactional, service, marketing]
  caps:
    - {at_most: 1, per: 2d, purposes: [marketing]}
    - {at_most: 4, per: 7d}
    - {at_most: 2, per: 1d, channels: [email], do: skip}
  capacities:
    email: {per_hour: HOUR}
    support: {per_day: DAY, playbooks: [reminder, news]}
  holds:
    - {while: {did: {event: case.opened, within: 10d}}, purposes: [marketing], do: delay}
  holdout: 5%
  test_recipients: [c1, c2@example.com]
"""
_NEWS = """
playbook: news
title: News
for: customer
status: STATUS
start: {event: site.visit}
goal: {event: order.paid, within: 60d}
controls: {purpose: marketing, holdout: 10%}
steps:
"""
_REMINDER = """
playbook: reminder
title: Reminder
for: order
start: {event: order.placed}
stop: {any: [{event: order.paid}, {event: order.cancelled}]}
controls: {purpose: service}
steps:
"""
_RECEIPT = """
playbook: receipt
title: Receipt
for: order
start: {event: order.placed}
controls: {purpose: transactional}
steps:
"""
_TRIAL = """
playbook: trial
title: Trial
for: customer
status: test
start: {event: site.visit}
controls: {purpose: marketing}
steps:
"""
_TEMPLATE = "Subject: Hello\n\nHello.\n"


@cache
def make_rules(customers: int, news: str = "live") -> Rules:
    """The rules for a shop of so many customers: bounds are a little less than what it wants to send."""
    policy = (
        POLICY.replace("LIMIT", str(max(1, customers // 60)))
        .replace("HOUR", str(max(2, customers // 120)))
        .replace("DAY", str(max(5, customers // 18)))
    )
    rules = compile_rules(
        {
            "policy.yaml": policy,
            "playbooks/news.yaml": _NEWS.replace("STATUS", news) + _steps(9, "[email, sms]", "3d"),
            "playbooks/reminder.yaml": _REMINDER + _steps(8, "[email]", "30h"),
            "playbooks/receipt.yaml": _RECEIPT + _steps(3, "[sms, email]", "2d"),
            "playbooks/trial.yaml": _TRIAL + _steps(4, "[email]", "5d"),
            "templates/hello.en.txt": _TEMPLATE,
        }
    )
    assert rules.sound, [str(issue) for issue in rules.issues]
    return rules


def _steps(count: int, channels: str, pause: str) -> str:
    send = "  - send: {{id: s{0}, channel: {1}, template: hello}}\n  - wait: {2}\n"
    return "".join(send.format(number, channels, pause) for number in range(count)) + "  - end\n"
