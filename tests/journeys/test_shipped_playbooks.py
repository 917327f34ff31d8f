"""The shipped playbooks, each walked through the ways that a customer can take through it."""

import pytest

from tests.journeys.walk import walk

CONTENT = {"order.reviewed": False, "open_complaints": 0}


def reviewed(on: float, score: int, *, complaint: tuple[float, float] | None = None):
    """An order that is reviewed on a day, with a complaint from one day to another."""

    def known(day: float):
        there = day >= on
        opened = complaint is not None and complaint[0] <= day < complaint[1]
        return {
            "order.reviewed": there,
            "order.review_score": score if there else None,
            "open_complaints": int(opened),
        }

    return known


@pytest.mark.parametrize(
    ("events", "known", "took"),
    [
        ([(8, "review.created")], reviewed(8, 5), ["ask on 5", "thanks on 8", "ended"]),
        ([(8, "review.created")], reviewed(8, 2), ["ask on 5", "ended"]),
        ([(15, "review.created")], reviewed(15, 4), ["ask on 5", "again on 12", "thanks on 15", "ended"]),
        ([], reviewed(99, 5), ["ask on 5", "again on 12", "no-review"]),
        ([], reviewed(-3, 5), ["reviewed-unasked"]),
        ([(2, "review.created")], reviewed(2, 5), ["reviewed-unasked"]),
        ([(3, "return.requested")], CONTENT, ["return.requested"]),
        (
            [(9, "when"), (11, "review.created")],
            reviewed(11, 5, complaint=(1, 9)),
            ["ask on 9", "thanks on 11", "ended"],
        ),
        ([], reviewed(99, 5, complaint=(1, 90)), ["complaint-open"]),
        ([], reviewed(99, 5, complaint=(8, 90)), ["ask on 5", "no-review"]),
    ],
    ids=[
        "good", "bad", "after the second time", "never", "before delivery", "unasked", "sent back", "complaint closed",
        "complaint stays open", "complaint after the question",
    ],
)  # fmt: skip
def test_a_review_is_asked_for_when_it_is_time_and_its_score_decides(events, known, took):
    assert walk("review-request", *events, known=known) == took


def bad(words: frozenset[str] = frozenset(), segments: frozenset[str] = frozenset()):
    return {
        "known": {"segments": segments, "open_complaints": 0},
        "past": [(0, "review.created", {"keywords": words, "score": 1})],
    }


@pytest.mark.parametrize(
    ("told", "took"),
    [
        (bad(), ["recover on 0", "apology on 0", "with-coupon on 0"]),
        (bad(frozenset({"logistics"})), ["delivery on 0", "recover on 0", "apology on 0", "with-coupon on 0"]),
        (bad(frozenset({"size"})), ["product on 0", "recover on 0", "apology on 0", "with-coupon on 0"]),
        (bad(segments=frozenset({"costly-returns"})), ["recover on 0", "sorry on 0"]),
        ({**bad(), "failing": {"apology": "pool_empty"}}, ["recover on 0", "words on 0"]),
    ],
    ids=["plain", "delivery", "size", "costly", "empty pool"],
)
def test_a_bad_review_goes_to_whom_it_concerns_and_ends_with_a_question(told, took):
    wait = {"moments": {"wait-1": 4}}
    assert walk("bad-review-recovery", **told, **wait) == [*took, "move-1 on 4", "follow-up on 11", "ended"]
    closed = {"states": {"recover": ("closed", 1)}}
    assert walk("bad-review-recovery", **told, **wait, **closed) == [*took, "follow-up on 11", "ended"]


@pytest.mark.parametrize(
    ("stage", "events", "more", "took"),
    [
        ("sleeping", [(3, "site.visit")], {}, ["news on 0", "tag-1 on 3", "ended"]),
        ("sleeping", [], {}, ["news on 0", "ended"]),
        ("sleeping", [(2, "order.paid")], {}, ["news on 0", "order.paid"]),
        ("pre-churn", [], {}, ["gift on 0", "offer on 0", "reminder on 10", "ended"]),
        ("pre-churn", [], {"states": {"gift": ("redeemed", 4)}}, ["gift on 0", "offer on 0", "ended"]),
        ("pre-churn", [], {"failing": {"gift": "limit_reached"}}, ["plain on 0", "ended"]),
        ("lost", [(5, "message.replied")], {"worth": True}, ["why on 0", "answer on 5", "tag-2 on 5", "ended"]),
        ("lost", [], {"worth": True}, ["why on 0", "tag-2 on 21", "ended"]),
        ("lost", [], {}, ["tag-2 on 0", "ended"]),
    ],
)
def test_who_stays_away_is_won_back_by_how_long_and_how_much(stage, events, more, took):
    worth = frozenset({"lost-worth-recall"} if more.pop("worth", False) else ())
    assert walk("win-back", *events, known={"stage": stage, "segments": worth}, **more) == took


@pytest.mark.parametrize(
    ("tier", "took"),
    [
        ("senior", ["tag-1 on 0", "senior-points on 0", "senior on 0"]),
        ("vip", ["tag-2 on 0", "vip-points on 0", "vip-gift on 0", "vip on 0"]),
        (
            "supreme",
            ["tag-3 on 0", "supreme-points on 0", "adviser on 0", "supreme-gift on 0", "supreme on 0"],
        ),
    ],
)
def test_a_better_tier_is_celebrated_and_what_it_grants_is_granted(tier, took):
    assert walk("tier-upgrade", known={"tier": tier}) == [*took, "ended"]


@pytest.mark.parametrize(
    ("tier", "gift", "by_hand"), [("vip", "vip-gift", "task-1"), ("supreme", "supreme-gift", "task-2")]
)
def test_without_a_code_the_gift_is_a_task_and_no_message_promises_it(tier, gift, by_hand):
    took = walk("tier-upgrade", known={"tier": tier}, failing={gift: "pool_empty"})
    assert took[-2:] == [f"{by_hand} on 0", "ended"]
    assert f"{tier} on 0" not in took


def test_before_a_downgrade_the_customer_is_warned_and_the_best_are_called():
    moments = {"wait-1": 23}
    assert walk("tier-warning", known={"tier": "vip"}, moments=moments) == ["warning on 0", "call on 23", "ended"]
    assert walk("tier-warning", known={"tier": "senior"}, moments=moments) == ["warning on 0", "ended"]
    assert walk("tier-warning", (9, "when"), known={"tier": "vip"}, moments=moments)[:1] == ["warning on 0"]
    assert "call on 23" not in walk("tier-warning", (9, "when"), known={"tier": "vip"}, moments=moments)


def test_a_newcomer_is_welcomed_and_hears_once_more_only_without_an_order():
    nothing = {"paid_orders": 0, "unpaid_orders": 0}
    assert walk("welcome", known=nothing) == ["welcome on 0", "others on 4", "ended"]
    assert walk("welcome", (1, "order.placed"), known=nothing) == ["welcome on 0", "order.placed"]
    assert walk("welcome", known={**nothing, "unpaid_orders": 1}) == ["welcome on 0", "ended"]


def test_the_second_purchase_is_asked_for_twice_at_most():
    assert walk("second-purchase", known={"open_complaints": 0}) == ["goes-with on 0", "last on 20", "ended"]
    assert walk("second-purchase", known={"open_complaints": 1}) == ["goes-with on 0", "ended"]
    assert walk("second-purchase", (5, "order.paid")) == ["goes-with on 0", "order.paid"]


def test_what_runs_out_is_told_of_unless_something_was_ordered_lately():
    known = {"tags": frozenset(), "open_complaints": 0}
    assert walk("repurchase-due", known=known) == ["due on 30", "ended"]
    assert walk("repurchase-due", (20, "order.paid"), known=known) == ["ended"]
    assert walk("repurchase-due", known={**known, "tags": frozenset({"unreachable"})}) == ["ended"]


def test_a_cart_is_told_of_when_nobody_is_busy_with_it_any_more():
    assert walk("abandoned-cart", past=[(0, "site.cart", {})]) == ["cart on 0.166667", "ended"]
    touched = [(0, "site.cart", {}), (3 / 24, "site.cart", {})]
    assert walk("abandoned-cart", past=touched) == ["cart on 0.25", "ended"]
    assert walk("abandoned-cart", (1 / 24, "order.placed"), past=touched) == ["order.placed"]


def test_a_birthday_has_a_gift_in_time_and_a_greeting_on_the_day():
    ten = {"moments": {"wait-3": 7}}
    assert walk("birthday", **ten) == ["gift on 0", "with-gift on 0", "greeting on 7", "ended"]
    assert walk("birthday", failing={"gift": "pool_empty"}, **ten) == ["greeting on 7", "ended"]


def test_member_day_is_one_message():
    assert walk("member-day") == ["member-day on 0", "ended"]


def test_regulars_hear_of_the_season_a_day_before_all_others_and_the_lost_do_not():
    known = {"tags": frozenset({"loyal"}), "stage": "active"}
    assert walk("quarterly-event", known=known) == ["regulars on 0", "ended"]
    known["tags"] = frozenset()
    assert walk("quarterly-event", known=known) == ["season on 1", "ended"]
    assert walk("quarterly-event", known={**known, "stage": "lost"}) == ["ended"]


def test_points_are_earned_once_and_go_back_with_each_refund():
    assert walk("loyalty-points", known={"order.cancelled": False}) == ["earn on 0", "ended"]
    refunds = [(5, "return.refunded"), (9, "return.refunded")]
    known = {"order.cancelled": False}
    assert walk("loyalty-points", *refunds, known=known) == ["earn on 0", "share on 5", "share on 9", "ended"]
    known = {"order.cancelled": True}
    assert walk("loyalty-points", (3, "order.cancelled"), known=known) == ["earn on 0", "back on 3", "ended"]
    assert walk("loyalty-points", failing={"earn": "currency_unknown"}) == ["ended"]
