"""How much may be sent: caps of one customer, capacities that playbooks share, and a channel's limit."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine.messages.reserve import NotBefore, Proceed, Settled
from tests.messages_reserve import asking
from tests.messages_reserve.asking import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ORDER = "  priorities: [service, marketing]\n"
CAP = ORDER + "  caps: [{at_most: 2, per: 7d}]\n"
QUIET = '  quiet_hours: {start: "21:00", end: "08:00"}\n'


@pytest.fixture
def agreed(people):
    """Somebody who has agreed to marketing."""

    def new(**person):
        number = people.new(**person)
        people.shop.execute(
            "insert into consents (customer_id, purpose, granted) select customer_id, 'marketing', true from orders"
            " where number = %s",
            number,
        )
        return number

    return new


def counters(people):
    return [
        tuple(row.values())
        for row in people.shop.rows(
            "select span, starts_at, rank, used, promised from capacity_use where used + promised > 0"
            " order by starts_at, rank"
        )
    ]


def test_a_cap_delays_what_is_too_much_until_the_oldest_no_longer_counts(people):
    ask, number = people.under(CAP), people.new()
    for step, at in (("a", NOON), ("b", NOON + DAY)):
        ask.sent(ask(at, number=number, step=step))
    third = NOON + 2 * DAY
    assert ask(third, number=number, step="c") == NotBefore(NOON + 7 * DAY, "cap_reached")
    assert isinstance(ask(NOON + 7 * DAY, number=number, step="c"), Proceed)
    assert ask(NOON + 7 * DAY, number=number, step="d") == NotBefore(NOON + 8 * DAY, "cap_reached")


def test_the_end_of_a_caps_delay_is_no_quiet_hour(people):
    ask, number = people.under(QUIET + "  caps: [{at_most: 1, per: 10h}]\n"), people.new()
    ask(NOON, number=number, step="a")
    assert ask(NOON + HOUR, number=number, step="b").until == NOON + 20 * HOUR


def test_a_cap_may_skip_and_concerns_its_purposes_and_channels(people, agreed):
    policy = "  caps: [{at_most: 1, per: 7d, purposes: [marketing], channels: [email], do: skip}]\n"
    number = agreed()
    marketing, service = people.under(policy, purpose="marketing"), people.under(policy)
    assert isinstance(service(number=number, step="a"), Proceed)
    assert isinstance(marketing(number=number, step="b"), Proceed)
    assert marketing(number=number, step="c") == Settled("skipped", NOON, "cap_reached")
    assert isinstance(service(number=number, step="d"), Proceed)


def test_what_everybody_must_be_told_neither_counts_nor_waits(people):
    number = people.new()
    must, ask = people.under(CAP, purpose="transactional"), people.under(CAP)
    for step in ("a", "b", "c"):
        assert isinstance(must(number=number, step=step), Proceed)
    for step in ("d", "e"):
        assert isinstance(ask(number=number, step=step), Proceed)
    assert isinstance(must(number=number, step="f"), Proceed)


@pytest.mark.parametrize("gives_back", ["failed", "not_taken"])
def test_a_message_that_did_not_leave_gives_its_place_back(people, gives_back):
    policy = CAP.replace("at_most: 2", "at_most: 1") + "  capacities: {email: {per_hour: 1}}\n"
    ask, number = people.under(policy), people.new()
    proceed = ask(number=number, step="a")
    assert ask(number=number, step="b").reason == "cap_reached"
    assert ask.hand_over(proceed)
    getattr(ask, gives_back)(proceed)
    assert [row[3:] for row in counters(people)] == []
    assert isinstance(ask(number=number, step="b"), Proceed)


def test_a_doubt_keeps_its_place(people):
    ask, number = people.under(CAP.replace("at_most: 2", "at_most: 1")), people.new()
    proceed = ask(number=number, step="a")
    assert ask.hand_over(proceed)
    ask.doubted(proceed)
    assert ask(number=number, step="b").reason == "cap_reached"


def test_a_lower_priority_leaves_room_for_a_higher_one_that_waits(people, agreed):
    policy = CAP.replace("at_most: 2", "at_most: 1") + QUIET.replace("08:00", "09:00").replace("21:00", "07:00")
    number = agreed()
    service = people.under(policy)
    marketing = people.under(policy.replace("{start", "{exempt: [marketing], start"), purpose="marketing")
    early = NOON - 4 * HOUR
    assert service(early, number=number, step="bill").reason == "quiet_hours"
    held = marketing(early, number=number, step="news")
    assert held == NotBefore(NOON - 3 * HOUR + 7 * DAY, "cap_reached")
    assert isinstance(service(NOON - 3 * HOUR, number=number, step="bill"), Proceed)


def test_a_higher_priority_does_not_wait_for_a_lower_one(people, agreed):
    policy = CAP.replace("at_most: 2", "at_most: 1") + QUIET.replace("08:00", "09:00").replace("21:00", "07:00")
    number = agreed()
    early = NOON - 4 * HOUR
    assert people.under(policy, purpose="marketing")(early, number=number, step="news").reason == "quiet_hours"
    service = people.under(policy.replace("{start", "{exempt: [service], start"))
    assert isinstance(service(early, number=number, step="bill"), Proceed)


CAPACITY = ORDER + "  capacities: {email: {per_hour: 2}, all: {per_day: 3}}\n"


def test_a_full_hour_promises_places_in_the_next_and_a_full_day_on_the_next_day(people):
    ask = people.under(CAPACITY)
    numbers = [people.new() for _ in range(5)]
    answers = [ask(number=number) for number in numbers]
    assert [type(answer) for answer in answers] == [Proceed, Proceed, NotBefore, NotBefore, NotBefore]
    assert {answer.reason for answer in answers[2:]} == {"capacity_reached"}
    assert NOON + HOUR <= answers[2].until < NOON + 2 * HOUR
    assert all(NOON + 12 * HOUR <= answer.until < NOON + 36 * HOUR for answer in answers[3:])
    promised = sum(row[4] for row in counters(people))
    assert promised == 6  # three messages, an hour and a day each
    assert isinstance(ask(answers[2].until, number=numbers[2]), Proceed)
    assert ask(answers[2].until, number=people.new()).reason == "capacity_reached"


def test_a_promise_is_kept_against_those_who_come_later(people):
    ask = people.under(ORDER + "  capacities: {email: {per_hour: 1}}\n")
    first, second, third = (people.new() for _ in range(3))
    ask(number=first)
    promised = ask(number=second)
    late = ask(NOON + HOUR, number=third)
    assert late.until >= NOON + 2 * HOUR
    assert isinstance(ask(promised.until, number=second), Proceed)


def test_a_higher_priority_takes_the_promised_place_of_a_lower_one(people, agreed):
    policy = ORDER + "  capacities: {email: {per_hour: 1}}\n"
    service, marketing = people.under(policy), people.under(policy, purpose="marketing")
    news = agreed()
    service(number=people.new())
    promised = marketing(number=news)
    assert promised.until < NOON + 2 * HOUR
    assert isinstance(service(NOON + HOUR, number=people.new()), Proceed)
    again = marketing(promised.until, number=news)
    assert again.reason == "capacity_reached"
    assert again.until >= NOON + 2 * HOUR


def test_a_promise_is_given_back_when_its_message_is_skipped(people):
    ask = people.under(ORDER + "  capacities: {email: {per_hour: 1}}\n")
    number = people.new()
    ask(number=people.new())
    ask(number=number)
    people.shop.pay(number, at=NOON)
    assert ask(NOON + HOUR, number=number).reason == "stopped"
    assert sum(row[4] for row in counters(people)) == 0


def test_many_at_once_get_no_more_than_the_capacity(people):
    ask = people.under(ORDER + "  capacities: {email: {per_hour: 5, per_day: 7}}\n")
    numbers = [people.new() for _ in range(16)]
    together = threading.Barrier(8)

    def every(share):
        together.wait()
        return [ask(number=number) for number in share]

    with ThreadPoolExecutor(8) as threads:
        shares = [threads.submit(every, numbers[each::8]) for each in range(8)]
        answers = [answer for share in shares for answer in share.result()]
    assert sum(isinstance(answer, Proceed) for answer in answers) == 5
    used = [row for row in counters(people) if row[3]]
    assert [row[3] for row in used] == [5, 5]


LIMIT = "    email: {provider: mailbox, in_doubt: hold, limit: {count: 60, per: 1m, burst: 3}}\n"


@pytest.fixture
def limited(people, monkeypatch):
    """How to ask on a channel of one message a second, three of them at once."""
    head = asking.POLICY.rpartition("    email:")[0]
    monkeypatch.setattr(asking, "POLICY", head + LIMIT)
    return people.under


def test_a_burst_leaves_at_once_and_others_have_their_turns(people, limited):
    ask = limited()
    numbers = [people.new() for _ in range(6)]
    answers = [ask(number=number) for number in numbers]
    assert [type(answer) for answer in answers] == [Proceed] * 3 + [NotBefore] * 3
    assert [answer.until - NOON for answer in answers[3:]] == [timedelta(seconds=each) for each in (1, 2, 3)]
    assert {answer.reason for answer in answers[3:]} == {"channel_limit"}
    turns = [ask(answer.until, number=number) for answer, number in zip(answers[3:], numbers[3:], strict=True)]
    assert [type(turn) for turn in turns] == [Proceed] * 3


def test_who_comes_while_others_wait_lines_up_but_for_what_everybody_must_be_told(people, limited):
    ask, must = limited(), limited(purpose="transactional")
    for _ in range(5):
        ask(number=people.new())
    assert ask(NOON + timedelta(seconds=1), number=people.new()).until == NOON + timedelta(seconds=3)
    assert isinstance(must(NOON + timedelta(seconds=1), number=people.new()), Proceed)


def test_what_everybody_must_be_told_has_turns_of_its_own_before_all_others(people, limited):
    ask, must = limited(), limited(purpose="transactional")
    first = [ask(number=people.new()) for _ in range(3)]
    waiting = people.new()
    before = ask(number=waiting)
    urgent = [people.new() for _ in range(3)]
    turns = [must(number=number).until for number in urgent]
    assert [type(answer) for answer in first] == [Proceed] * 3
    assert [turn - NOON for turn in (before.until, *turns)] == [timedelta(seconds=each) for each in (1, 1, 2, 3)]
    assert [type(must(turn, number=number)) for turn, number in zip(turns[:1], urgent, strict=False)] == [Proceed]
    again = ask(before.until, number=waiting)
    assert again.until == NOON + timedelta(seconds=4)
    assert [type(must(turn, number=number)) for turn, number in zip(turns[1:], urgent[1:], strict=True)] == [
        Proceed
    ] * 2
    assert isinstance(ask(again.until, number=waiting), Proceed)


def test_a_token_that_is_near_is_taken_ahead(people, limited):
    ask = limited(near=timedelta(seconds=2))
    answers = [ask(number=people.new()) for _ in range(7)]
    ahead = [answer.not_before and (answer.not_before - NOON).total_seconds() for answer in answers[:5]]
    assert ahead == [None, None, None, 1, 2]
    assert [answer.until - NOON for answer in answers[5:]] == [timedelta(seconds=each) for each in (2, 3)]


def test_what_is_asked_for_again_after_a_crash_takes_a_token_and_never_waits_long(people, limited):
    ask = limited()
    ask.keyed = ["email"]
    number = people.new()
    assert ask.hand_over(ask(number=number))
    for _ in range(5):
        ask(number=people.new())
    assert isinstance(ask(number=number), Proceed)
