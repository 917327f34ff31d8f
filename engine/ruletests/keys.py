"""The keys of a test file, each with what it says: the reader knows them, and editors complete and explain them."""

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "at": "As of when the rules are asked: 2026-06-01T12:00:00Z, a date, or a local time of the shop.",
    "zone": "The time zone of customers whose own is not said; default: that of the policy.",
    "currency": "What is reported in; default: that of the policy, else that of the first amount.",
    "cut_offs": "Published cut-offs, by which tiers and RFM groups are judged.",
}
"""May stand at the top, for all tests of the file, and in each test."""
ROWS: Mapping[str, str] = {
    "orders": "Orders, with what is inside of them. A bare instant is an order placed and paid then: orders: [-40d].",
    "cases": "Support cases; a complaint unless another kind is said.",
    "site_events": "What the customer did on the site; a visit unless another kind is said.",
    "messages": "Messages that were sent, and what became of them; by e-mail for marketing unless said otherwise.",
    "campaign_periods": "The shop's campaign periods; the purchases in each follow from the orders.",
    "coupons": "Coupons that were given.",
    "consents": "What the customer agreed to; a yes to marketing by e-mail unless said otherwise.",
    "suppressions": "Channels by which the customer cannot be reached; e-mail that bounced unless said otherwise.",
    "points": "Entries of the points account; earned unless another kind is said.",
}
INSIDE: Mapping[str, str] = {
    "lines": "What was ordered, and its products; a quantity of 1 unless said.",
    "payments": "Payments; one of the total unless said, if the order is paid.",
    "shipments": "Parcels.",
    "reviews": "Reviews of the order.",
    "returns": "Returns and exchanges; a return unless another kind is said.",
}
"""Rows that are written inside of their order."""
FACTS: Mapping[str, str] = {
    "customer": "What is known of the person.",
    **ROWS,
    "events": "Events that no row tells, such as {event: message.clicked, at: -2d}.",
    "hand_tags": "Tags that somebody gave by hand.",
    "before": "What the customer was when last evaluated: it decides how long a tier is kept and when a tag expires.",
}
ASSUMED: Mapping[str, str] = {
    "until": "Until when the clock runs; default: 90 days.",
    "playbooks": "Whose journeys these are; default: those of the playbook that the file stands beside.",
    "failing": "Steps that fail for good, with the reason: {gift: pool_empty}.",
    "answers": "What steps that call something are answered: {reward: {balance: 60}}.",
    "responses": "What becomes of a message, coupon or task, so long after it: {first: {opened: 2h}}.",
    "holdout": "true: the customer is one of those whom the playbook keeps out.",
}
"""Of tests of playbooks: what the world outside answers."""
RESPONSES: Mapping[str, str] = {
    "delivered": "It arrived.",
    "opened": "It was opened.",
    "clicked": "A link in it was clicked.",
    "replied": "It was answered.",
    "bounced": "It came back.",
    "redeemed": "The coupon was used.",
    "closed": "The task was closed.",
}
HAPPENED: Mapping[str, str] = {
    "send": "A message, by its step.",
    "task": "A task, by its step.",
    "coupon": "A coupon, by its step.",
    "points": "An entry of points, by its step.",
    "call": "A call of an activity, by its step.",
    "webhook": "Another system is told, by the step.",
    "update": "The customer's record is changed, by the step.",
    "move": "A task goes to another team, by the step.",
    "start": "Another playbook is started, by the step.",
    "tag": "A tag is given.",
    "untag": "A tag is taken.",
    "end": "The journey ends with this outcome.",
    "stop": "This event or change stops the journey.",
    "fail": "The journey fails with this reason.",
}
BESIDE: Mapping[str, str] = {
    "at": "When: as long after the test's instant, or {from: …, to: …}.",
    "skipped": "It is skipped, with this reason.",
    "failed": "It fails, with this reason.",
    "template": "The wording of a message.",
    "channel": "The channel of a message.",
    "team": "Whose task it is.",
    "amount": "How many points.",
    "playbook": "Whose journey, where several play.",
}
"""What may be said of one thing that happens."""
HAPPENS = "What the journeys do, in order, and nothing else: - {send: first, at: +4h}"
RESULTS: Mapping[str, str] = {
    "expect": "What the rules must make of these facts.",
    "but": "Variants by what they say: each with its own facts in place of these. Without an expect of its own the "
    "expectation is turned around.",
}
REPEATED: Mapping[str, str] = {
    "times": "So many of these rows, each earlier than the one before by `every`.",
    "every": "How much earlier each repetition is.",
}
TESTS = "Tests by what they say, each a sentence."
EXPECTATIONS: Mapping[str, str] = {
    "tags": "Tags: {includes: […], excludes: […]}, or a list of all that there must be.",
    "segments": "Segments: {includes: […], excludes: […]}, or a list of all that there must be.",
    "stage": "The stage of the lifecycle, or none.",
    "tier": "The tier, or none.",
    "rfm_group": "The RFM group, or none.",
    "rfm_recency": "The RFM score: how lately.",
    "rfm_frequency": "The RFM score: how often.",
    "rfm_monetary": "The RFM score: how much.",
    "attributes": "Attributes and their values; {unknown: true} where there is none.",
}
MEMBERS: Mapping[str, str] = {"includes": "These must be among them.", "excludes": "These must not."}
CUT_OFFS: Mapping[str, str] = {
    "tiers": "The least value of each tier but the last.",
    "rfm": "Where high begins of each measure.",
}
MEASURE: Mapping[str, str] = {
    "high": "From which value on it is high.",
    "scores": "From which value on each score is given, from score 2 on.",
}
HAND_TAG: Mapping[str, str] = {
    "tag": "The tag.",
    "at": "When it was given; default: as of the test.",
    "expires": "When it expires.",
    "removed": "When somebody took it away.",
}
BEFORE_AT = "When the customer was last evaluated."
