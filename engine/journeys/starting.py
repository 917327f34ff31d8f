"""Which steps of one playbook start another: `start`, a tag that it waits for, and an update of the customer."""

from collections.abc import Collection

from engine.journeys.plan import ChangeTrigger, EventTrigger, Plan, StartPlaybook, Step, Tag, Update

UPDATED = "customer.updated"
"""The event that the step `update` tells."""


def starts(step: Step, plan: Plan) -> bool:
    """Whether a step can start the playbook, at once."""
    match step:
        case StartPlaybook(given=given):
            return given.get("playbook") == plan.playbook
        case Tag(add=add, remove=remove):
            return bool(awaited(plan, "enters", add) or awaited(plan, "leaves", remove))
        case Update():
            return any(isinstance(each, EventTrigger) and each.event == UPDATED for each in plan.start.any)
        case _:
            return False


def starts_later(step: Step, plan: Plan) -> bool:
    """Whether the playbook can start when a tag that the step gives expires."""
    return isinstance(step, Tag) and step.expires is not None and bool(awaited(plan, "leaves", step.add))


def awaited(plan: Plan, change: str, tags: Collection[str]) -> set[str]:
    """Those of the tags that start the playbook when a customer gets them (`enters`) or loses them (`leaves`)."""
    triggers = (each for each in plan.start.any if isinstance(each, ChangeTrigger) and each.kind == "tag")
    return {name for each in triggers if each.change == change for name in each.names} & set(tags)
