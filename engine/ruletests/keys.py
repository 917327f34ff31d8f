"""The keys of a test file, each with what it says: the reader knows them, and editors complete and explain them."""

from collections.abc import Mapping

SETTINGS: Mapping[str, str] = {
    "at": "As of when the rules are asked: 2026-06-01T12:00:00Z, a date, or a local time of the shop.",
    "zone": "The time zone of customers whose own is not said; default: that of the policy.",
    "currency": "What is reported in; default: that of the policy, else that of the first amount.",
    "cut_offs": "Published cut-offs, by which tiers and RFM groups are judged.",
    "playbook": "The playbook under test: from `at` on what is given happens, and journeys do what is expected.",
    "until": "Of a playbook: where the clock stops; default: when its journeys are over and no fact lies ahead.",
    "holdout": "Of a playbook: true if the customer is in its holdout; default: false.",
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
    "arms": "Of a playbook: which arm of each experiment the first order, parcel, case or customer gets.",
    "answers": "Of a playbook: what comes of its steps, such as {first: {clicked: +2d}, gift: {failed: pool_empty}}.",
}
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

JOURNEYS: Mapping[str, str] = {
    "journey": "What the journey does, in order; none: there is no journey.",
    "journeys": "Of several journeys what each does, in the order in which they begin.",
}
DOES: Mapping[str, str] = {
    "begins": "the playbook that begins",
    "waits": "the step that waits",
    "held": "the step whose message may not leave yet",
    "sent": "the step whose message is sent",
    "skipped": "the step that is skipped",
    "failed": "the step that fails",
    "task": "the step that opens a task",
    "tag": "the tag or tags that are given",
    "untag": "the tag or tags that are taken away",
    "coupon": "the step that gives a coupon",
    "points": "the step that writes points",
    "webhook": "the step that tells another system",
    "call": "the step that calls an activity",
    "update": "the step that changes the customer's record",
    "move": "the step that moves a task",
    "start": "the step that starts another playbook",
    "ends": "the outcome with which the journey ends",
    "stopped": "the event or change that stops the journey",
    "fails": "the reason for which the journey fails",
}
"""What a journey does or meets. Who names no `begins`, `waits` or `held` need not name any."""
TOLD: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(DOES, ()),
    "waits": ("until",),
    "held": ("until", "reason"),
    "sent": ("channel", "template"),
    "skipped": ("reason",),
    "failed": ("reason", "channel"),
    "task": ("team", "title", "due"),
    "tag": ("until",),
    "coupon": ("pool", "until"),
    "points": ("amount", "until"),
    "update": ("set",),
    "move": ("of", "to", "due"),
}
"""What may be said of it besides when."""
INSTANTS_TOLD = ("until", "due")
WHEN: Mapping[str, str] = {
    "at": "When exactly.",
    "after": "Not before that instant.",
    "before": "Before that instant.",
}
TOLD_TEXTS: Mapping[str, str] = {
    "until": "Until when it waits, is held back, or is good.",
    "reason": "Why.",
    "channel": "The channel.",
    "template": "The template.",
    "team": "The team.",
    "title": "The title.",
    "due": "When it is due.",
    "pool": "The pool.",
    "amount": "How many points, negative when they go.",
    "set": "What is set, such as: locale de-DE.",
    "of": "The step that opened the task.",
    "to": "The team that it moves to.",
}
ANSWERS: Mapping[str, str] = {
    "failed": "Why the step fails for good, such as pool_empty or recipient_refused.",
    "delivered": "When the message reached the mailbox.",
    "opened": "When the message is opened.",
    "clicked": "When a link of the message is clicked.",
    "replied": "When the message is answered.",
    "bounced": "When the message comes back.",
    "complained": "When the message is called unwanted.",
    "unsubscribed": "When the message is unsubscribed from.",
    "redeemed": "When the coupon is redeemed.",
    "closed": "When somebody closes the task.",
    "answer": "Fields of what the activity answers.",
}
