"""A journey under way goes on by an edited plan: from wherever it stands, and for any edit."""

import copy
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from engine.journeys.carried import from_data, to_data
from engine.journeys.commands import Deliver
from engine.journeys.migrate import Moved, NoPlace, migrate
from engine.journeys.places import standing, stands
from engine.journeys.plan import Plan
from engine.journeys.state import State
from tests.journeys.edited import edits
from tests.journeys.plans import plans
from tests.journeys.playbooks import HEADS, playbooks, rules_of
from tests.journeys.world import T0, Sent, World, holds


@dataclass
class GoneOn(World):
    """A journey that goes on by another plan: what was sent before is answered as sent, under the same key."""

    carried: set[tuple[str, int]] = field(default_factory=set)

    def _is_fresh(self, command: Sent) -> None:
        if not isinstance(command, Deliver) or (command.step, command.iteration) not in self.carried:
            super()._is_fresh(command)

    def to_the_end(self) -> None:
        for _ in range(200 * len(self.plan.code)):
            if self.state.finished:
                return
            self.give(self.expected())
        raise AssertionError("the journey does not end")


def gone_on(new: Plan, state: State, settled: set[tuple[str, int]] | None = None) -> GoneOn:
    world = GoneOn(new, carried=settled or set())
    world.state = state
    world._stands()
    return world


def lived(plan: Plan, draw: st.DrawFn) -> World | None:
    """A journey that waits after it has been through anything; none of a plan whose journeys never wait."""
    world = World(plan)
    world.begin()
    waiting: list[World] = []
    for _ in range(25):
        if world.state.finished:
            break
        if stands(world.state):
            waiting.append(copy.deepcopy(world))
        world.give(world.any_input(draw) if draw(st.integers(0, 3)) == 0 else world.expected())
    return draw(st.sampled_from(waiting)) if waiting else None


@given(edits(), st.data())
def test_whoever_waits_goes_on_by_the_edited_plan_until_the_same_instant_and_to_an_end(
    plans: tuple[Plan, Plan], data: st.DataObject
):
    old, new = plans
    world = lived(old, data.draw)
    if world is None:
        return
    moved = migrate(old, world.state, new)
    if isinstance(moved, NoPlace):
        assert moved.step in {step.id for step in old.code} | {step.id for step in new.code}
        assert moved.why
        return
    if moved.ended is not None:
        return
    assert stands(moved.state)
    assert moved.state.outcomes == world.state.outcomes
    dues = {hold.due for hold in holds(old, world.state)}
    assert {hold.due for hold in holds(new, moved.state)} <= dues
    following = gone_on(new, moved.state, world.settled)
    for _ in range(data.draw(st.integers(0, 20))):
        following.give(following.any_input(data.draw))
    following.to_the_end()


@given(edits())
def test_an_accepted_edit_leads_to_an_end_from_every_live_position(plans: tuple[Plan, Plan]):
    old, new = plans
    for _, state in standing(old, T0, T0):
        moved = migrate(old, state, new)
        if isinstance(moved, Moved) and moved.ended is None:
            gone_on(new, moved.state).to_the_end()


@given(st.one_of(playbooks(), plans()), st.data())
def test_the_same_plan_leaves_a_journey_as_it_is(plan: Plan, data: st.DataObject):
    world = lived(plan, data.draw)
    if world is None or len({step.id for step in plan.code}) != len(plan.code):
        return
    moved = migrate(plan, world.state, plan)
    assert isinstance(moved, Moved)
    assert _without_ways(moved.state) == _without_ways(world.state)


@given(st.one_of(playbooks(), plans()), st.data())
def test_every_place_at_which_a_journey_waits_is_known_beforehand(plan: Plan, data: st.DataObject):
    world = lived(plan, data.draw)
    if world is None:
        return
    known = [(state, shown) for shown, state in standing(plan, T0, T0)]
    for place in _places(world.state):
        assert place in {each for state, _ in known for each in _places(state)}
    assert world.state.position is not None
    assert plan.code[world.state.position.index].id in {shown for _, shown in known}


@given(st.one_of(playbooks(), plans()), st.data())
def test_a_state_is_carried_as_data(plan: Plan, data: st.DataObject):
    world = lived(plan, data.draw)
    if world is not None:
        assert from_data(to_data(world.state)) == _without_ways(world.state)


def _without_ways(state: State) -> State:
    return state._replace(path=(), branches=tuple(_without_ways(each) for each in state.branches))


def _places(state: State) -> list[int]:
    if state.branches:
        return [place for branch in state.branches for place in _places(branch)]
    return [] if state.position is None else [state.position.index]


def test_where_only_a_branch_that_ends_the_journey_is_left_out_there_is_no_place():
    """A branch that has come to its end would leave the others to join before steps that are not there."""
    by_mail = [{"wait": {"id": "pause", "for": "1d"}}]
    old = _at_once(by_mail, [{"wait": {"id": "call", "for": "2d"}}])
    new = _at_once(by_mail, [{"wait": {"id": "call", "for": "2d"}}, "end"])
    at_pause, at_call = (migrate(old, state, new) for _, state in standing(old, T0, T0))
    assert isinstance(at_pause, NoPlace)
    assert "ends the journey" in at_pause.why
    assert isinstance(at_call, Moved)
    gone_on(new, at_call.state).to_the_end()


def _at_once(by_mail: list, by_phone: list) -> Plan:
    rules = rules_of(HEADS[0], [{"parallel": {"by-mail": by_mail, "by-phone": by_phone}}])
    assert rules.sound
    return rules.plans["payment-reminder"]
