"""Each line of a plan, against a recount from what is known of everybody."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from engine.facts.standing import read_standings
from engine.language.rules import Rules
from engine.messages.holdout import held_out
from engine.planning.make import Made
from engine.planning.report import Group, Plan
from tests.facts.shop import put
from tests.planning.shop import NOW, OWN, Person, compiled, edited, rewritten

Planned = Callable[..., Made]
SOONER = ("days_since_last_order: {gte: 90}", "days_since_last_order: {gte: 60}")


def with_edits(rules: Rules, edits: str) -> Rules:
    """The playbook `call-back` with another policy for journeys under way."""
    plan = rules.plans["call-back"]
    controls = plan.controls.model_copy(update={"edits": edits})
    return dataclasses.replace(rules, plans={"call-back": plan.model_copy(update={"controls": controls})})


def group(plan: Plan, name: str) -> Group:
    return next(each for each in plan.groups if each.name == name)


def line(plan: Plan, name: str, before: str | None, after: str | None):
    return next(each for each in group(plan, name).lines if (each.before, each.after) == (before, after))


def test_the_same_rules_change_nothing(judged: list[Person], planned: Planned, rules) -> None:
    plan = planned(rules).plan
    assert not plan.changes
    assert (plan.groups, plan.starts, plan.edits, plan.policy) == ((), (), (), ())
    assert (plan.customers, plan.changing) == (len(judged), 0)


def test_a_threshold_moves_exactly_those_between_both_values(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("segments.yaml", SOONER)).plan
    between = [each for each in judged if each.days is not None and 60 <= each.days < 90]
    before = [each for each in judged if each.days is not None and each.days >= 90]
    entering = line(plan, "quiet", None, "quiet")
    assert (entering.count, entering.share) == (len(between), len(between) / len(judged))
    assert entering.spend == sum(each.cents for each in between)
    sizes = group(plan, "quiet").sizes[0]
    assert (sizes.before, sizes.after) == (len(before), len(before) + len(between))
    regulars = [each for each in between if each.orders >= 2]
    assert line(plan, "quiet-regulars", None, "quiet-regulars").count == len(regulars)
    assert [(each.name, each.edited) for each in plan.groups] == [("quiet", "edited"), ("quiet-regulars", "affected")]
    assert plan.changing == len(between)


def test_the_examples_are_those_who_paid_most_each_with_the_clause_that_decides(
    judged: list[Person], planned: Planned
) -> None:
    plan = planned(edited("segments.yaml", SOONER)).plan
    between = [each for each in judged if each.days is not None and 60 <= each.days < 90]
    most = sorted(between, key=lambda each: (-each.cents, each.id))[:10]
    examples = line(plan, "quiet", None, "quiet").examples
    assert [(each.id, each.customer, each.spend) for each in examples] == [
        (each.id, each.key, each.cents) for each in most
    ]
    for example, person in zip(examples, most, strict=True):
        [clause] = example.clauses
        assert (clause.before.clause, clause.before.holds) == ("days_since_last_order is at least 90 days", False)
        assert (clause.after.clause, clause.after.holds) == ("days_since_last_order is at least 60 days", True)
        assert clause.before.found == clause.after.found == f"{person.days} days"


def test_a_rule_that_depends_on_the_edited_one_is_explained_by_that(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("segments.yaml", SOONER)).plan
    for example in line(plan, "quiet-regulars", None, "quiet-regulars").examples:
        assert [each.after.clause for each in example.clauses] == ["days_since_last_order is at least 60 days"]


def test_leaving_is_told_with_what_is_asked_now(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("segments.yaml", ("{gte: 90}", "{gte: 90, lt: 180}"))).plan
    gone = [each for each in judged if each.days is not None and each.days >= 180]
    leaving = line(plan, "quiet", "quiet", None)
    assert (leaving.count, leaving.spend) == (len(gone), sum(each.cents for each in gone))
    clauses = [each.clauses[0].after for each in leaving.examples]
    assert {(each.clause, each.holds) for each in clauses} == {("days_since_last_order is less than 180 days", False)}


def test_stages_change_from_one_to_another(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("lifecycle.yaml", ("lt: 120", "lt: 200"), ("gte: 120", "gte: 200"))).plan
    back = [each for each in judged if each.days is not None and 120 <= each.days < 200]
    moved = line(plan, "stage", "lost", "active")
    assert (moved.count, moved.what) == (len(back), "changes")
    assert group(plan, "stage").edited == "edited"
    assert {each.clauses[0].after.clause for each in moved.examples} == {"days_since_last_order is less than 200 days"}


def test_tiers_are_ranked_anew_and_the_lower_tier_waits_for_the_review(
    judged: list[Person], planned: Planned, connection: psycopg.Connection
) -> None:
    ranked = sorted((each for each in judged if each.cents), key=lambda each: -each.cents)
    tiers = {number: kept.standing.tier for number, kept in read_standings(connection, [p.id for p in judged]).items()}
    best = -(-len(ranked) * 10 // 100)
    assert sum(tier == "vip" for tier in tiers.values()) == best
    plan = planned(edited("tiers.yaml", ("share: 10%", "share: 30%"))).plan
    more = ranked[best : -(-len(ranked) * 30 // 100)]
    rising = line(plan, "tier", "ordinary", "vip")
    assert (rising.count, rising.spend) == (len(more), sum(each.cents for each in more))
    assert rising.examples[0].clauses[0].after.clause.startswith("spend_ever is at least ")
    fewer = planned(edited("tiers.yaml", ("share: 10%", "share: 3%"))).plan
    assert group(fewer, "tier").lines == ()


def test_a_new_rule_and_a_removed_one(judged: list[Person], planned: Planned) -> None:
    text = rewritten("segments.yaml", ("  untouched: {title: Spent something, when: {spend_ever: {gt: 0 EUR}}}\n", ""))
    text += "  thrice: {title: Three orders, when: {paid_orders: {gte: 3}}}\n"
    plan = planned(compiled(**{"segments.yaml": text})).plan
    assert [(each.name, each.edited) for each in plan.groups] == [("thrice", "new"), ("untouched", "removed")]
    assert line(plan, "thrice", None, "thrice").count == sum(each.orders >= 3 for each in judged)
    lost = line(plan, "untouched", "untouched", None)
    assert (lost.count, lost.spend) == (sum(each.cents > 0 for each in judged), sum(each.cents for each in judged))
    assert lost.examples[0].clauses[0].before.holds
    assert lost.examples[0].clauses[0].after is None


def test_before_anything_is_in_force_everybody_enters(people: list[Person], planned: Planned, rules) -> None:
    plan = planned(rules, old=None).plan
    assert (plan.changing, plan.customers) == (len(people), len(people))
    assert line(plan, "stage", None, "prospect").count == sum(each.orders == 0 for each in people)
    assert plan.before.version is None


def test_titles_and_comments_change_nobody(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("segments.yaml", ("title: Gone quiet", "title: Quiet for long"))).plan
    assert plan.changes
    assert (plan.groups, plan.edits, plan.policy) == ((), (), ())
    assert plan.files == {"segments.yaml": "edited"}


def test_an_edited_attribute_concerns_the_rules_that_use_it(judged: list[Person], planned: Planned) -> None:
    shipped = compiled().files
    path = next(path for path, text in shipped.items() if "\n  spend_ever:" in text)
    text = shipped[path].replace("\n  spend_ever:\n", "\n  spend_ever:\n    within: 100d\n", 1)
    plan = planned(compiled(**{path: text})).plan
    assert ("attribute", "spend_ever", "edited") in [(each.kind, each.name, each.edited) for each in plan.edits]
    assert [(each.name, each.edited) for each in plan.groups] == [("tier", "affected"), ("untouched", "affected")]
    gone = [each for each in judged if each.cents and each.days is not None and each.days >= 100]
    leaving = line(plan, "untouched", "untouched", None)
    assert (leaving.count, leaving.spend) == (len(gone), sum(each.cents for each in gone))
    clause = leaving.examples[0].clauses[0]
    assert clause.before.clause == clause.after.clause
    assert (clause.before.holds, clause.after.holds, clause.after.found) == (True, False, "0.00 EUR")


def test_the_policys_changes_are_said_in_words(judged: list[Person], planned: Planned) -> None:
    text = rewritten("policy.yaml", ("at_most: 3", "at_most: 2")) + '  quiet_hours: {start: "21:00", end: "08:00"}\n'
    plan = planned(compiled(**{"policy.yaml": text})).plan
    assert plan.policy == (
        "quiet hours: none → 21:00 to 08:00",
        "caps: 3 in 7 days for marketing, more waits → 2 in 7 days for marketing, more waits",
    )
    assert plan.groups == ()


def test_another_zone_judges_every_rule_anew(judged: list[Person], planned: Planned) -> None:
    plan = planned(edited("policy.yaml", ("Europe/Berlin", "Asia/Tokyo"))).plan
    assert {each.name for each in plan.groups} >= {"quiet", "regular", "stage", "tier"}
    assert plan.changing == 0


# --- journeys -----------------------------------------------------------------------------------------------------


def test_the_journeys_that_would_start_are_counted_by_all_terms_of_their_start(
    judged: list[Person], planned: Planned, connection: psycopg.Connection, rules
) -> None:
    between = [each for each in judged if each.days is not None and 60 <= each.days < 90]
    allowed = [each for each in between if each.orders >= 2]
    lately = allowed[0]
    put(
        connection, "journeys", workflow_id="call-back/x/1", playbook="call-back", version=rules.version,
        subject="customer", subject_id=lately.id, occasion=1, customer_id=lately.id,
        started_at=NOW - timedelta(days=59), state="ended",
    )  # fmt: skip
    connection.commit()
    [starting] = planned(edited("segments.yaml", SOONER)).plan.starts
    held = [each for each in allowed[1:] if held_out(each.key, 2000, "call-back")]
    assert (starting.playbook, starting.changed, starting.inside) == ("call-back", len(between), 0)
    assert (starting.only_if, starting.once_per) == (len(between) - len(allowed), 1)
    assert (starting.journeys, starting.held_out) == (len(allowed) - 1, len(held))
    # Of its three messages two come in a week.
    assert (starting.each, starting.messages) == (2, 2 * (len(allowed) - 1 - len(held)))


def test_a_new_playbook_would_start_for_those_who_are_inside_already(judged: list[Person], planned: Planned) -> None:
    text = OWN["playbooks/call-back.yaml"].replace("playbook: call-back", "playbook: write").replace("60d", "1d")
    plan = planned(compiled(**{"playbooks/write.yaml": text})).plan
    inside = [each for each in judged if each.days is not None and each.days >= 90]
    [starting] = plan.starts
    assert (starting.playbook, starting.changed, starting.inside) == ("write", 0, len(inside))
    assert starting.journeys == sum(each.orders >= 2 for each in inside)
    assert plan.changing == 0
    assert [(each.kind, each.name, each.edited) for each in plan.edits] == [("playbook", "write", "new")]


def test_one_who_leaves_an_edited_segment_is_not_inside_for_a_new_playbook(
    judged: list[Person], planned: Planned
) -> None:
    text = OWN["playbooks/call-back.yaml"].replace("playbook: call-back", "playbook: write")
    later = rewritten("segments.yaml", ("{gte: 90}", "{gte: 150}"))
    plan = planned(compiled(**{"playbooks/write.yaml": text, "segments.yaml": later})).plan
    inside = sum(each.days is not None and each.days >= 150 for each in judged)
    [starting] = plan.starts
    assert (starting.playbook, starting.inside) == ("write", inside)


@pytest.mark.parametrize("edits", ["pin", "migrate", "drain"])
def test_journeys_under_way_are_told_by_playbook_with_what_becomes_of_them(
    edits: str, judged: list[Person], planned: Planned, connection: psycopg.Connection, rules
) -> None:
    for number, (person, state) in enumerate(zip(judged, ["running"] * 5 + ["held"] * 2 + ["ended"], strict=False)):
        put(
            connection, "journeys", workflow_id=f"call-back/{number}/1", playbook="call-back", version=rules.version,
            subject="customer", subject_id=person.id, occasion=1, customer_id=person.id, started_at=NOW, state=state,
        )  # fmt: skip
    connection.commit()
    new = with_edits(edited("playbooks/call-back.yaml", ("wait: 3d", "wait: 4d")), edits)
    plan = planned(new).plan
    [way] = plan.under_way
    assert (way.playbook, way.running, way.held, way.plan, way.edits) == ("call-back", 5, 2, "edited", edits)
    [edit] = plan.edits
    assert (edit.kind, edit.name) == ("playbook", "call-back")
    [removed] = planned(compiled(**{"playbooks/call-back.yaml": ""})).plan.under_way
    assert (removed.plan, removed.running) == ("removed", 5)
    [same] = planned(edited("segments.yaml", SOONER)).plan.under_way
    assert same.plan == "same"


def test_edits_of_a_playbook_are_named_by_its_steps(judged: list[Person], planned: Planned) -> None:
    new = edited(
        "playbooks/call-back.yaml",
        ("status: live", "status: paused"),
        ("  - wait: 3d\n  - send: {id: second, channel: email, template: hello}\n", "  - wait: 2d\n"),
        ("holdout: 20%", "holdout: 5%"),
    )
    [edit] = planned(new).plan.edits
    assert "status live → paused" in edit.what
    assert "holdout 20% → 5%" in edit.what
    assert any(each.startswith("removed step") and "second" in each for each in edit.what)
