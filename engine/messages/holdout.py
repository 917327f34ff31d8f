"""Holdouts: customers who get nothing, so that what messages do can be measured against them.

Membership is a hash of the shop's own key of the customer: the same on every machine, in every run and for as long as
the share stays; a larger share keeps everybody who was in the smaller one.
"""

import hashlib
from functools import lru_cache

from engine.journeys.plan import Controls
from engine.messages.reasons import SkipReason
from engine.policy import Policy

_ALL = 10_000


def kept_out(policy: Policy, controls: Controls, customer: str, playbook: str) -> SkipReason | None:
    """Of which holdout a customer is, of the policy's or of the playbook's; none where everybody must be told."""
    if policy.transactional(controls.purpose):
        return None
    if held_out(customer, policy.holdout):
        return "global_holdout"
    return "holdout" if held_out(customer, controls.holdout, playbook) else None


@lru_cache(maxsize=1024)
def held_out(customer: str, share: int, playbook: str = "") -> bool:
    """Whether a customer is in a holdout.

    Args:
        customer: the shop's key of the customer.
        share: in basis points: 1000 is 10 %.
        playbook: of which playbook; none: of all, independently of each one's own.
    """
    digest = hashlib.sha256(f"holdout/{playbook}/{customer}".encode()).digest()
    return int.from_bytes(digest[:8]) % _ALL < share
