"""Campaigns on the virtual clock: beside playbooks, moved into the past, and with people who come to be known late."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from engine.cli.simulate_campaigns import campaigns_in, check_campaigns
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.simulation.backtest import Window, backtest, worlds
from engine.simulation.campaign import moved
from tests.projects import write_project
from tests.simulation.people import START, TO, customer, day, live, messages
from tests.simulation.test_backtest import regulars
from tests.workflows.fixtures import MakeShop, open_shop
from tests.workflows.rules import POLICY, make_rules

__all__ = ["open_shop"]

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


# --- over a shop's facts ----------------------------------------------------------------------------------------------


def test_its_capacity_is_shared_by_everybody_and_later_places_are_promised(open_shop: MakeShop) -> None:
    own = rules("capacity: {per_hour: 1}\n", waves=(3,))
    shop = open_shop(own)
    for number in range(3):
        shop.place(f"N-{number}", f"c{number}", at=day(-1))
    campaigns = tuple(own.campaigns.values())
    window = Window(shop.url, own, (), START, TO, "EUR", campaigns=campaigns)
    with connect(shop.url) as connection:
        ids = [row[0] for row in connection.execute("select id from customers order by id")]
        found = [each for world in worlds(connection, window.compiled(), window, ids) for each in world.messages]
    assert [(each.state, (each.at - day(3)) // timedelta(hours=1)) for each in found] == [
        ("sent", hour) for hour in range(3)
    ]
    result = backtest(window, processes=2)
    assert {(each.playbook, each.step, each.state): many for each, many in result.messages.items()} == {
        ("spring", "w1", "sent"): 3
    }
    assert dict(result.journeys) == {("spring", "ended", "ended"): 3}


def test_the_command_tries_a_draft_on_the_past(open_shop: MakeShop, tmp_path: Path) -> None:
    own = rules(status="draft")
    shop = open_shop(own)
    write_project(tmp_path, own.files)
    shop.place("N-1", "c1", at=day(1))
    window = ("--from", "2026-03-02", "--to", "2026-03-12", "--format", "json")
    alone = json.loads(regulars(shop, tmp_path, *window).stdout)
    named = json.loads(regulars(shop, tmp_path, *window, "--campaign", "spring@2026-03-10T08:00").stdout)
    assert (alone["campaigns"], named["campaigns"]) == ([], ["spring"])
    sent = [(each["playbook"], each["step"], each["week"]) for each in named["messages"] if each["state"] == "sent"]
    assert sorted(sent) == [("payment-reminder", "first", "2026-03-02"), ("spring", "w1", "2026-03-09")]
    assert "campaign spring: w1 2026-03-10 08:00, w2 2026-03-13 08:00 (after the window)" in named["notes"]
