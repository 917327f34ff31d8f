"""Playbooks for the tests of diagrams: one with every kind of way."""

from engine.diagram.graph import Graph, graph_of
from engine.journeys.plan import Plan
from tests.workflows.rules import make_rules

HEAD = """
playbook: all-ways
title: All "ways" & <means>
for: order
start:
  any: [{event: order.placed, where: {payment_method: bank_slip}}, {event: order.shipped}]
  max_age: 24h
  once_per: 30d
stop: {event: order.cancelled}
goal: {event: order.paid, within: 7d}
controls: {purpose: service}
"""
STEPS = """
steps:
  - wait: 24h
  - send: {id: first, channel: email, template: {by: buyer, "true": hello, default: reminder}}
    on_failure: [{task: {id: by-hand, team: sales, title: Write by hand, due: 4h}}]
  - if: {step: first, sent: true}
    then: [{wait_for: {event: order.paid, within: 2d}, got: [{end: {outcome: paid-late}}]}]
  - split: {id: wording, shares: {short: 60%, long: 40%}}
    arms:
      short: [{send: {id: short, channel: email, template: hello}}]
      long: [{send: {id: long, channel: email, template: hello}}]
  - repeat: {id: rounds, times: 3, every: 7d, until: {buyer: true}}
    steps: [{send: {id: again, channel: email, template: hello}}]
  - parallel:
      mail: [{send: {id: beside, channel: email, template: hello}}]
      phone: [{task: {id: call, team: sales, title: Call}}]
  - switch: {on: order.payment_method}
    cases: {card: [{wait: 1d}], bank_slip: [{wait: 2d}]}
    else: [end]
  - first:
      - {event: order.shipped, then: [{wait: 3d}]}
      - {event: order.delivered, then: [{wait: 4d}]}
    within: 14d
    else: [end]
  - wait: {until: {date: order.estimated_at, offset: -1d, if_past: end}}
"""
ATTRIBUTES = """
attributes:
  buyer: {title: New buyer, type: boolean, none: orders, where: {paid: true}}
"""


def plan() -> Plan:
    """A playbook with every kind of way."""
    return make_rules(STEPS, head=HEAD, attributes=ATTRIBUTES).plans["all-ways"]


def graph() -> Graph:
    """Its graph."""
    return graph_of(plan())


def ways(graph: Graph, source: str) -> list[tuple[str, str]]:
    """The labels and targets of the arrows out of a box."""
    return [(arrow.label, arrow.target) for arrow in graph.arrows if arrow.source == source]
