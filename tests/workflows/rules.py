"""Rules for tests: a payment reminder whose waits are seconds, and what stands around a playbook."""

from collections.abc import Mapping
from dataclasses import replace

from engine.language.rules import Rules, compile_rules

POLICY = """
policy:
  zone: UTC
  locale: en
  purposes:
    transactional: {consent: none}
    service: {consent: opt_out}
    marketing: {consent: opt_in}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}
"""
TEMPLATES = {
    "templates/reminder.en.txt": (
        "Subject: Your order {{ order.number }}\n\n"
        "Dear {{ customer.given_name }},\n\nwe are waiting for your payment of order {{ order.number }}.\n"
    ),
    "templates/hello.en.txt": "Subject: Hello\n\nDear {{ customer.given_name }}, how are you?\n",
}
HEAD = """
playbook: payment-reminder
title: Payment reminder
for: order
start: {event: order.placed, where: {payment_method: bank_slip}, max_age: 24h}
stop: {any: [{event: order.paid}, {event: order.cancelled}]}
controls: {purpose: service}
"""
REMIND_AT_ONCE = """
steps:
  - send: {id: first, title: First reminder, channel: email, template: reminder}
"""
WAIT_AND_REMIND = """
steps:
  - wait: 2s
  - send: {id: first, title: First reminder, channel: email, template: reminder}
"""


def make_rules(
    steps: str = WAIT_AND_REMIND,
    *,
    head: str = HEAD,
    policy: str = POLICY,
    attributes: str | None = None,
    tags: str | None = None,
    templates: Mapping[str, str] = TEMPLATES,
    more: Mapping[str, str] | None = None,
) -> Rules:
    """Compiled rules of one playbook; fails the test if they are not sound."""
    files = {"policy.yaml": policy, "playbooks/playbook.yaml": head + steps, **templates, **(more or {})}
    if attributes is not None:
        files["attributes.yaml"] = attributes
    if tags is not None:
        files["tags.yaml"] = tags
    rules = compile_rules(files)
    assert rules.sound, [str(issue) for issue in rules.issues]
    return rules


def impatient(rules: Rules, seconds: int = 4) -> Rules:
    """The same rules, where a step that fails is tried again for seconds only."""
    plans = {
        name: plan.model_copy(update={"controls": plan.controls.model_copy(update={"retry_for": seconds})})
        for name, plan in rules.plans.items()
    }
    return replace(rules, plans=plans)


def smtp_policy(in_doubt: str = "hold") -> str:
    """The policy with mail going out by SMTP."""
    return POLICY.replace("provider: mailbox", "provider: smtp").replace("in_doubt: hold", f"in_doubt: {in_doubt}")
