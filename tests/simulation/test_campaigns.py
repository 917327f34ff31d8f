"""Campaigns on the virtual clock: beside playbooks, moved into the past, and with people who come to be known late."""

from datetime import UTC, datetime

import pytest
import typer

from engine.cli.simulate_campaigns import campaigns_in, check_campaigns
from engine.language.rules import Rules
from engine.simulation.campaign import moved
from tests.simulation.people import START, TO, customer, day, live, messages
from tests.workflows.rules import POLICY, make_rules

REMINDER = """
steps:
  - wait: 1d
  - send: {id: first, channel: email, template: hello}
"""
ATTRIBUTES = """
attributes:
  country: {title: Country, type: string, value: customer.country}
  paid: {title: Paid orders, type: integer, count: orders, where: {paid_at: {known: true}}}
"""
CAPPED = POLICY + "  caps: [{at_most: 1, per: 2d, purposes: [service]}]\n"


def rules(more: str = "", policy: str = POLICY, waves: tuple[float, ...] = (3, 6), status: str = "live") -> Rules:
    """A reminder a day after each order, and a campaign whose waves begin on these days."""
    listed = "".join(
        f'  - {{id: w{number}, at: "{day(each):%Y-%m-%dT%H:%M:%SZ}", channel: email, template: hello}}\n'
        for number, each in enumerate(waves, 1)
    )
    audience = "" if "audience:" in more else "audience: {country: DE}\n"
    head = f"campaign: spring\ntitle: Spring\nstatus: {status}\n{audience}controls: {{purpose: service}}\n{more}"
    return make_rules(
        REMINDER, policy=policy, attributes=ATTRIBUTES, more={"campaigns/spring.yaml": f"{head}waves:\n{listed}"}
    )


def test_each_wave_is_sent_at_its_instant_and_the_part_ends_with_the_last() -> None:
    world = live(rules(), customer())
    assert messages(world) == [
        ("spring", "w1", "sent", "", day(3)),
        ("spring", "w2", "sent", "", day(6)),
    ]
    (part,) = world.journeys
    assert part.ended is not None
    assert (part.started_at, part.ended.outcome, part.ended.at) == (day(3), "ended", day(6))


def test_a_message_of_a_playbook_fills_the_cap_for_a_wave_and_a_wave_for_a_playbook() -> None:
    world = live(rules(policy=CAPPED), customer(orders=[{"placed": 1}, {"placed": 4.5}]))
    assert messages(world) == [
        ("payment-reminder", "first", "sent", "", day(2)),
        ("spring", "w1", "sent", "", day(4)),
        ("payment-reminder", "first", "sent", "", day(6)),
        ("spring", "w2", "sent", "", day(8)),
    ]


def test_what_a_cap_holds_back_until_the_next_wave_is_over() -> None:
    world = live(rules(policy=CAPPED, waves=(3, 3.5)), customer(orders=[{"placed": 1}]))
    assert messages(world)[1:] == [
        ("spring", "w1", "skipped", "wave_over", day(3.5)),
        ("spring", "w2", "sent", "", day(4)),
    ]


def test_whoever_buys_while_her_message_is_held_back_is_dropped_for_good() -> None:
    own = rules("drop_when: {paid: {gte: 1}}\n", policy=CAPPED)
    world = live(own, customer(orders=[{"placed": 1, "paid": 3.2}]))
    assert messages(world)[1:] == [("spring", "w1", "skipped", "drop_when", day(4))]
    (part,) = [each for each in world.journeys if each.plan.playbook == "spring"]
    assert part.ended is not None
    assert part.ended.outcome == "dropped"


@pytest.mark.parametrize(("freeze", "waves"), [("first", []), ("each", ["w2"])])
def test_whoever_comes_into_the_audience_later_gets_the_later_waves_only_where_each_has_its_own(
    freeze: str, waves: list[str]
) -> None:
    own = rules(f"audience: {{paid: {{gte: 1}}}}\nfreeze: {freeze}\n")
    world = live(own, customer(orders=[{"placed": 4, "paid": 4}]))
    assert [each.step for each in world.messages if each.playbook == "spring"] == waves


@pytest.mark.parametrize(("freeze", "waves"), [("first", []), ("each", ["w2"])])
def test_whoever_is_not_known_yet_when_a_wave_begins_does_not_get_it(freeze: str, waves: list[str]) -> None:
    world = live(rules(f"freeze: {freeze}\n"), customer(orders=[{"placed": 4, "paid": 4}]), known=False)
    assert [each.step for each in world.messages if each.playbook == "spring"] == waves


def test_what_is_open_at_the_end_of_the_window_is_not_sent() -> None:
    world = live(rules(policy=CAPPED, waves=(3,)), customer(orders=[{"placed": 1}]), to=day(3.5))
    assert messages(world)[1:] == [("spring", "w1", "skipped", "replay-ended", day(3.5))]


def test_a_campaign_is_moved_as_a_whole() -> None:
    campaign = rules().campaigns["spring"]
    first = datetime(2018, 11, 23, 10, tzinfo=UTC)
    other = moved(campaign, first)
    assert [each.at - first for each in other.waves] == [each.at - day(3) for each in campaign.waves]
    assert [each.ends - each.at for each in other.waves] == [each.ends - each.at for each in campaign.waves]


def test_live_campaigns_that_begin_in_the_window_take_part_and_a_draft_by_its_name() -> None:
    live_ones, drafts = rules().campaigns, rules(status="draft").campaigns
    assert [each.name for each in campaigns_in(live_ones, None, "UTC", START, TO)] == ["spring"]
    assert campaigns_in(live_ones, None, "UTC", day(4), TO) == ()
    assert campaigns_in(drafts, None, "UTC", START, TO) == ()
    assert campaigns_in(live_ones, [], "UTC", START, TO) == ()
    assert campaigns_in(drafts, ["spring"], "UTC", START, TO)[0].waves[0].at == day(3)
    (other,) = campaigns_in(drafts, ["spring@2026-03-20T10:00"], "Europe/Berlin", START, TO)
    assert other.waves[0].at == datetime(2026, 3, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("sprung", "did you mean spring?"),
        ("spring@soon", "--campaign: found 'soon', expected a date"),
        ("spring@2027-01-01", "`--campaign spring@2026-03-02T00:00` lets it begin then"),
    ],
)
def test_a_campaign_that_cannot_be_simulated_is_refused(asked: str, told: str) -> None:
    known = rules().campaigns

    def find() -> object:
        check_campaigns([asked], known)
        return campaigns_in(known, [asked], "UTC", START, TO)

    with pytest.raises(typer.BadParameter) as refused:
        find()
    assert told in refused.value.message
