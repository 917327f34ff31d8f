"""The most that all playbooks together send to one customer, against shops worked out by hand."""

import pytest

from engine.language.rules import compile_rules
from engine.messages.bound import Share, bounds
from tests.language.shop import SHOP

HOUR, DAY = 3600, 86400
WEEK = 7 * DAY
TAGS = "tags: {warm: {title: Warm, by_hand: true}}"
POLICY = """\
policy:
  zone: Europe/Berlin
  purposes: {bills: {consent: none}, service: {consent: opt_out}, marketing: {consent: opt_in}}
  channels: {email: {provider: mailbox}, sms: {provider: mailbox}}
"""
ONE = "  - send: {id: one, channel: email, template: unpaid}\n"


def playbook(name, start, steps=ONE, subject="customer", purpose="marketing", status="live"):
    head = f"playbook: {name}\ntitle: T\nfor: {subject}\nstatus: {status}\nstart: {start}\n"
    return {f"playbooks/{name}.yaml": f"{head}controls: {{purpose: {purpose}}}\nsteps:\n{steps}"}


def shop(*files, policy=""):
    own = {key: text for key, text in SHOP.items() if not key.startswith("playbooks/")}
    texts = {"tags.yaml": TAGS, "policy.yaml": POLICY + policy}
    rules = compile_rules({**own, **texts, **{key: text for each in files for key, text in each.items()}})
    assert [issue for issue in rules.issues if issue.severity == "error"] == []
    return rules


def most(*files, policy="", each=1):
    """Messages of marketing in seven days."""
    found = {bound.purposes: bound for bound in bounds(shop(*files, policy=policy), each)}
    return found[("marketing",)].messages


@pytest.mark.parametrize(
    ("start", "journeys"),
    [
        ("{event: site.visit}", 1),
        ("{event: site.visit, once_per: 7d}", 1),
        ("{event: site.visit, once_per: 3d}", 3),  # at 0, 3 and 6 days
        ("{event: site.visit, once_per: 84h}", 2),  # the third is seven days after the first
        ("{any: [{event: site.visit}, {event: site.cart}]}", 2),
        ("{any: [{event: site.visit}, {event: site.cart}], once_per: 30d}", 1),
        ("{every: day, at: '10:00'}", 8),  # by the clock, of which one day has 23 hours
        ("{every: week}", 2),
        ("{every: month, day: 8}", 1),
    ],
)
def test_journeys_are_bounded_by_once_per_by_the_calendar_or_by_what_is_taken_for_granted(start, journeys):
    assert most(playbook("a", start)) == journeys


def test_journeys_that_send_at_different_times_meet():
    two = ONE + "  - wait: 10d\n  - send: {id: two, channel: email, template: unpaid}\n"
    assert most(playbook("a", "{event: site.visit, once_per: 17d}", two)) == 1
    assert most(playbook("a", "{event: site.visit, once_per: 16d}", two)) == 2


def test_what_the_night_holds_back_meets_what_comes_later():
    nights = '  quiet_hours: {start: "21:00", end: "08:00", spread: 30m}\n'
    weekly = playbook("a", "{event: site.visit, once_per: 7d}")
    assert (most(weekly), most(weekly, policy=nights)) == (1, 2)
    exempt = nights.replace("30m", "30m, exempt: [marketing]")
    assert most(weekly, policy=exempt) == 1
    weekdays = "  weekdays: [tuesday, thursday]\n"
    assert most(playbook("a", "{event: site.visit, once_per: 12d}"), policy=weekdays) == 1
    assert most(playbook("a", "{event: site.visit, once_per: 11d}"), policy=weekdays) == 2


def test_orders_are_as_many_as_is_said():
    order = playbook("a", "{event: order.placed}", subject="order")
    assert [most(order, each=each) for each in (1, 2, 5)] == [1, 2, 5]
    once = playbook("a", "{event: order.placed, once_per: 30d}", subject="order")
    assert [most(once, each=each) for each in (1, 2)] == [1, 2], "once_per is of one order"
    assert most(playbook("a", "{event: order.placed, once_per: 30d}"), each=2) == 1, "or of one customer"


def test_only_what_is_live_and_can_be_sent_counts():
    for status in ("draft", "paused", "test"):
        assert bounds(shop(playbook("a", "{event: site.visit}", status=status))) == ()
    unknown = "  - send: {channel: [sms, email], template: unpaid}\n"
    assert most(playbook("a", "{event: site.visit}", unknown)) == 1


def test_started_playbooks_come_beside_their_own_triggers():
    starting = "  - start: {playbook: b}\n  - wait: 1d\n  - start: {playbook: b}\n"
    a, b = playbook("a", "{event: site.cart}", starting), playbook("b", "{event: site.visit}")
    assert most(a, b) == 3
    assert most(a, playbook("b", "{event: site.visit, once_per: 30d}")) == 1
    assert most(a, playbook("b", "{event: site.visit}", status="draft"), playbook("c", "{every: month}")) == 1
    in_test = playbook("a", "{event: site.cart}", starting, status="test")
    assert most(in_test, b) == 3, "it starts others for everybody"
    daily = playbook("a", "{every: day}", "  - start: {playbook: b}\n")
    assert most(daily, b) == 9


def test_a_tag_that_a_step_gives_or_takes_starts_playbooks():
    giving = playbook("a", "{every: day}", "  - tag: {remove: warm}\n  - tag: {add: warm}\n")
    entering = playbook("b", "{enters: {tag: warm}}")
    assert most(giving, entering) == 9
    leaving = playbook("b", "{leaves: {tag: warm}}")
    assert most(giving, leaving) == 9
    lasting = playbook("a", "{event: site.cart, once_per: 10d}", "  - tag: {add: warm, expires: 3d}\n")
    assert most(lasting, leaving) == 2
    lasting = playbook("a", "{event: site.cart, once_per: 9d}", "  - tag: {add: warm, expires: 3d}\n")
    assert most(lasting, leaving) == 3, "the tag may have been there before, and may go sooner"


def test_each_cap_has_its_bound_and_each_purpose_without_one():
    sms = "  - send: {id: two, channel: sms, template: unpaid}\n"
    rules = shop(
        playbook("a", "{event: site.visit}", ONE + sms),
        playbook("b", "{event: site.visit}", purpose="service"),
        playbook("c", "{event: site.visit}", purpose="bills"),
        policy="  caps: [{at_most: 2, per: 1d}, {at_most: 1, per: 7d, channels: [email], do: skip}]\n",
    )
    found = [(each.purposes, each.channels, each.seconds, each.messages, each.exceeds) for each in bounds(rules)]
    assert found == [
        ((), (), DAY, 3, True),
        ((), ("email",), WEEK, 2, True),
        (("bills",), (), WEEK, 1, False),
    ]
    of_purpose = shop(
        playbook("a", "{event: site.visit}"),
        playbook("b", "{event: site.visit}", purpose="service"),
        policy="  caps: [{at_most: 1, per: 1d, purposes: [marketing]}]\n",
    )
    found = [(each.purposes, each.messages, each.cap is not None, each.exceeds) for each in bounds(of_purpose)]
    assert found == [(("marketing",), 1, True, False), (("service",), 1, False, False)]


def test_shares_tell_the_steps_and_their_times():
    steps = "  - wait: 1d\n" + ONE + "  - wait: 2d\n  - send: {id: two, channel: email, template: unpaid}\n"
    (bound,) = bounds(shop(playbook("a", "{event: site.visit}", steps), playbook("b", "{event: site.visit}")))
    assert bound.shares == (
        Share("a", 1, 2, (("one", DAY), ("two", 3 * DAY)), "each"),
        Share("b", 1, 1, (("one", 0),), "each"),
    )


def campaign(*waves, name="spring"):
    listed = [f"{{id: w{n}, at: '{at}', channel: email, template: unpaid{more}}}" for n, (at, more) in enumerate(waves)]
    text = f"campaign: {name}\ntitle: S\naudience: {{country: DE}}\ncontrols: {{purpose: marketing}}\nwaves:\n"
    return {f"campaigns/{name}.yaml": text + "".join(f"  - {wave}\n" for wave in listed)}


def test_waves_that_can_meet_count_however_long_they_are_held_back():
    far = campaign(("2027-03-01T09:00:00Z", ""), ("2027-03-12T09:00:00Z", ""))
    assert most(far) == 2, "the first may be held back until the second begins"
    short = campaign(("2027-03-01T09:00:00Z", ", within: 2d"), ("2027-03-12T09:00:00Z", ""))
    assert most(short) == 1
    other = campaign(("2027-03-13T09:00:00Z", ""), name="other")
    rules = shop(short, other)
    (bound,) = bounds(rules)
    assert [(share.playbook, share.messages, share.by, share.steps) for share in bound.shares] == [
        ("other", 1, "campaign", (("w0", DAY),)),
        ("spring", 1, "campaign", (("w1", 0),)),
    ]
