"""Why nothing may be given to a customer or told of her outside, for good or until later: as with messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.journeys.plan import Plan
from engine.messages.decision import NotBefore
from engine.messages.holdout import held_out
from engine.messages.patience import after_pause
from engine.policy import Policy

Control = tuple[str, str, datetime]
"""Of which playbook (`*`: of all), killed or paused, and since when."""


def barred(
    plan: Plan, policy: Policy, whom: Mapping[str, Any], controls: Sequence[Control], moment: datetime
) -> NotBefore | str | None:
    """A reason for good, or one until later; none if nothing stands against it.

    Args:
        plan: the journey's.
        policy: the one in force.
        whom: the customer's key, email and phone, and the journey's paused_at.
        controls: what operators have killed or paused, the killed first.
        moment: as of when.
    """
    if any(state == "killed" for _, state, _ in controls):
        return "killed"
    if not policy.transactional(plan.controls.purpose):
        if held_out(whom["key"], policy.holdout):
            return "global_holdout"
        if held_out(whom["key"], plan.controls.holdout, plan.playbook):
            return "holdout"
    if (policy.mode != "live" or plan.status == "test") and not _is_tester(policy.test_recipients, whom):
        return "no_test_recipient"
    if whom["paused_at"] is not None:
        return NotBefore(after_pause(whom["paused_at"], moment), "journey_paused")
    for playbook, _, since in controls:
        reason = "all_paused" if playbook == "*" else "playbook_paused"
        return NotBefore(after_pause(since, moment), reason)
    return None


def _is_tester(testers: Sequence[str], whom: Mapping[str, Any]) -> bool:
    known = {name.casefold() for name in testers}
    return bool(known & {(whom[name] or "").casefold() for name in ("key", "email", "phone")})
