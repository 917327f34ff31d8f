"""Playbooks with the steps that no shipped one has, and tests of them: calls, webhooks, updates, races, splits."""

from engine.language.rules import Rules, compile_rules
from engine.own.load import contract
from tests.own.loyalty import loyalty_points

OWN = {"loyalty-points": loyalty_points}
POLICY = """
policy:
  zone: Europe/Berlin
  locale: en
  purposes: {service: {consent: opt_out}}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}
    sms: {provider: mailbox, sender: Shop, address: phone, form: sms}
"""
ATTRIBUTES = """
attributes:
  country: {title: Country, type: string, value: customer.country}
"""
REWARD = """
playbook: reward
title: A reward
for: order
start: {event: order.paid}
stop: {event: order.cancelled}
controls: {purpose: service}
steps:
  - call: {id: reward, activity: loyalty-points, with: {points: 50}}
    on_failure: [{task: {id: by-hand, team: support, title: Give the points by hand}}]
  - if: {step: reward, balance: {gte: 500}}
    then: [{task: {id: thanks, team: support, title: Say thank you}}]
  - webhook: {id: tell, to: crm, body: {what: rewarded}}
    on_failure: [{task: {id: told-by-hand, team: support, title: Tell the CRM}}]
  - update: {id: known, set: {country: FR}}
  - start: {id: more, playbook: more}
  - if: {country: FR}
    then: [{send: {id: bonjour, channel: [sms, email], template: hello}}]
"""
MORE = """
playbook: more
title: More
for: customer
status: draft
start: {event: site.visit}
controls: {purpose: service}
steps:
  - first:
      - {event: order.shipped, then: [{task: {id: shipped, team: logistics, title: Shipped}}]}
      - {event: order.delivered, then: [end]}
    id: race
    within: 3d
    else: [{task: {id: late, team: logistics, title: Late}}]
  - split: {id: wording, shares: {short: 100%}}
    arms: {short: [{wait: {id: pause, for: 1h}}]}
"""
TESTS = """
at: 2026-03-02T09:00:00Z
tests:
  all of it:
    customer: {country: DE, has_email: true, has_phone: true}
    orders: [{paid: 0, shipped: +1d, total: 50 EUR}]
    answers: {reward: {balance: 600, level: gold}}
    expect:
      happens:
        - {call: reward, at: 0}
        - {task: thanks}
        - {webhook: tell}
        - {update: known}
        - {start: more}
        - {send: bonjour, channel: sms, template: hello}
        - {end: ended, playbook: reward, at: 0}
        - {task: shipped, at: +1d}
        - {end: ended, playbook: more, at: +1d 1h}
    but:
      what the world outside refuses is done by hand:
        failing: {reward: no_account, tell: webhook_refused, bonjour: recipient_refused}
        expect:
          happens:
            - {call: reward, failed: no_account}
            - {task: by-hand}
            - {webhook: tell, failed: webhook_refused}
            - {task: told-by-hand}
            - {update: known}
            - {start: more}
            - {send: bonjour, failed: recipient_refused}
            - {fail: recipient_refused}
            - {task: shipped, at: +1d}
            - {end: ended, playbook: more}
"""
CANNOT = """
at: 2026-03-02T09:00:00Z
tests:
  an answer that nobody gives:
    customer: {has_email: true}
    orders: [{paid: 0, total: 50 EUR}]
    until: +1h
    expect: {happens: [{call: reward}, {webhook: tell}, {update: known}, {start: more}, {send: bonjour}, {end: ended}]}
  a failure that cannot be had:
    orders: [{paid: 0, total: 50 EUR}]
    answers: {reward: {balance: 6, level: gold}}
    failing: {tell: try_later}
    until: +1h
    expect: {happens: []}
"""


def rules(tests: str = TESTS) -> Rules:
    """The playbooks and tests of them, all sound."""
    compiled = compile_rules(
        {
            "attributes.yaml": ATTRIBUTES,
            "policy.yaml": POLICY,
            "playbooks/reward.yaml": REWARD,
            "playbooks/more.yaml": MORE,
            "playbooks/reward.test.yaml": tests,
            "templates/hello.en.txt": "Subject: Hello\n\nHello there\n",
            "templates/hello.en.sms": "Hello there",
            "activities/loyalty-points.json": contract(loyalty_points, "../activities/loyalty_points.py"),
        }
    )
    assert [issue for issue in compiled.issues if issue.severity == "error"] == []
    return compiled
