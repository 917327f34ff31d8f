"""The interpreter is total: any plan, any inputs in any order, and it goes on, waits or ends."""

from hypothesis import given
from hypothesis import strategies as st

from engine.journeys.describe import outline
from engine.journeys.inputs import Due
from engine.journeys.plan import Plan
from engine.language.steps.registry import KINDS
from tests.journeys.plans import plans
from tests.journeys.playbooks import STEPS, playbooks
from tests.journeys.world import World

any_plan = st.one_of(playbooks(), plans())


def test_playbooks_are_made_of_every_kind_of_step_that_runs():
    assert STEPS.keys() == KINDS.keys()


@given(any_plan, st.data())
def test_any_plan_under_any_inputs_waits_or_ends_and_sends_nothing_twice(plan: Plan, data: st.DataObject):
    world = World(plan)
    world.begin()
    for _ in range(data.draw(st.integers(0, 30))):
        world.give(world.any_input(data.draw))
    # And whatever it has been through, it ends as soon as the world behaves.
    for _ in range(100 * len(plan.code)):
        if world.state.finished:
            break
        world.give(world.expected())
    assert world.state.finished


@given(any_plan)
def test_every_input_of_a_whole_journey_given_twice_changes_nothing(plan: Plan):
    once, twice = World(plan), World(plan)
    once.begin()
    twice.begin()
    while not once.state.finished:
        happened = once.expected()
        once.give(happened)
        twice.give(happened)
        if isinstance(happened, Due) or once.state.position != twice.state.position:
            twice.give(happened)
        assert once.state == twice.state


@given(any_plan)
def test_a_plan_survives_its_journey_through_json_and_can_be_told_in_words(plan: Plan):
    assert Plan.from_json(plan.to_json()) == plan
    assert outline(plan)
