"""The playbook under fire: three messages with short waits between, ended by a payment."""

from typing import Literal

Kind = Literal["http", "smtp"]

STEPS = ("first", "second", "third")
NUMBER = "F-{}"
ADDRESS = "buyer-{}@fire.test"

_PLAYBOOK = """
playbook: under-fire
title: Under fire
for: order
start: {event: order.placed, where: {payment_method: bank_slip}, max_age: 24h}
stop: {event: order.paid}
controls: {purpose: service}
steps:
  - send: {id: first, channel: CHANNEL, template: first}
  - wait: 2s
  - send: {id: second, channel: CHANNEL, template: second}
  - wait: 3s
  - send: {id: third, channel: CHANNEL, template: third}
"""
_POLICY = """
policy:
  zone: UTC
  locale: en
  purposes:
    transactional: {consent: none}
    service: {consent: opt_out}
    marketing: {consent: opt_in}
  channels:
"""
_CHANNELS: dict[Kind, str] = {
    "smtp": '    email: {provider: smtp, sender: "Shop <shop@fire.test>", in_doubt: hold}\n',
    "http": """    push:
      provider: http
      sender: "Shop <shop@fire.test>"
      address: email
      request:
        idempotency_key: true
        body: {to: "{{ recipient }}", subject: "{{ subject }}", text: "{{ text }}"}
        accepted: {id: id}
""",
}


def files(kind: Kind) -> dict[str, str]:
    """The rules' files by path; a message's subject names its step and its order, for whoever counts it."""
    templates = {
        f"templates/{step}.en.txt": f"Subject: {step} {{{{ order.number }}}}\n\nDear {{{{ customer.given_name }}}},\n"
        for step in STEPS
    }
    playbook = _PLAYBOOK.replace("CHANNEL", "email" if kind == "smtp" else "push")
    return {"policy.yaml": _POLICY + _CHANNELS[kind], "playbooks/under-fire.yaml": playbook, **templates}
