"""Playbooks that start each other without end, and those that something ends."""

import pytest

from engine.language.rules import compile_rules
from tests.language.shop import SHOP

TAGS = "tags: {warm: {title: Warm, by_hand: true}, cold: {title: Cold, by_hand: true}}"
BY_EVENT = "{event: site.visit}"


def shop(**playbooks):
    """The small shop with playbooks for the customer: of each its start and its steps."""
    files = {
        f"playbooks/{name}.yaml": (
            f"playbook: {name}\ntitle: T\nfor: customer\nstart: {start}\n"
            f"controls: {{purpose: service}}\nsteps:\n{steps}"
        )
        for name, (start, steps) in playbooks.items()
    }
    return compile_rules({**SHOP, "tags.yaml": TAGS, **files})


def told(rules):
    """Each circle's place, way and hint."""
    assert {issue.code for issue in rules.issues if issue.severity == "error"} <= {"RG327"}
    found = [issue for issue in rules.issues if issue.code == "RG327"]
    assert {issue.file.removeprefix("playbooks/").removesuffix(".yaml") for issue in found}.isdisjoint(rules.plans)
    return [(f"{issue.file}:{issue.line}:{issue.column}", issue.found, issue.hint) for issue in found]


def start(other):
    return f"  - start: {{playbook: {other}}}\n"


def entered(tag, more=""):
    return f"{{enters: {{tag: {tag}}}{more}}}"


REMEDY = "; let an event start one of them, or give one once_per"


def test_playbooks_that_start_each_other_are_refused_where_they_do():
    rules = shop(a=(BY_EVENT, "  - wait: 1d\n" + start("b")), b=(BY_EVENT, start("a")))
    a, b = "a starts b (playbooks/a.yaml:8)", "b starts a (playbooks/b.yaml:7)"
    assert told(rules) == [
        ("playbooks/a.yaml:8:23", "a -> b -> a", f"{a}, {b}{REMEDY}"),
        ("playbooks/b.yaml:7:23", "b -> a -> b", f"{b}, {a}{REMEDY}"),
    ]


def test_a_playbook_that_starts_itself_is_refused():
    rules = shop(a=(BY_EVENT, start("a")))
    assert told(rules) == [("playbooks/a.yaml:7:23", "a -> a", f"a starts a (playbooks/a.yaml:7){REMEDY}")]


def test_once_per_ends_a_circle():
    rules = shop(a=("{event: site.visit, once_per: 30d}", start("b")), b=(BY_EVENT, start("a")))
    assert told(rules) == []
    assert {"a", "b"} <= rules.plans.keys()


def test_a_chain_is_no_circle():
    assert told(shop(a=(BY_EVENT, start("b") + start("c")), b=(BY_EVENT, start("c")), c=(BY_EVENT, "  - end\n"))) == []


def test_who_only_leads_into_a_circle_is_none_of_it():
    rules = shop(a=(BY_EVENT, start("b")), b=(BY_EVENT, start("c")), c=(BY_EVENT, start("b")))
    assert [place for place, _, _ in told(rules)] == ["playbooks/b.yaml:7:23", "playbooks/c.yaml:7:23"]


def test_a_tag_that_is_taken_and_given_again_starts_without_end():
    rules = shop(a=(entered("warm"), "  - tag: {remove: warm}\n  - wait: 1d\n  - tag: {add: warm}\n"))
    way = "a gives the tag warm, which starts a (playbooks/a.yaml:9)"
    assert told(rules) == [("playbooks/a.yaml:9:5", "a -> a", way + REMEDY)]


def test_a_circle_may_be_of_tags_and_starts():
    rules = shop(
        a=(entered("warm"), start("b")),
        b=(BY_EVENT, "  - tag: {remove: warm}\n  - tag: {add: warm}\n"),
    )
    assert [(place, way) for place, way, _ in told(rules)] == [
        ("playbooks/a.yaml:7:23", "a -> b -> a"),
        ("playbooks/b.yaml:8:5", "b -> a -> b"),
    ]


def test_a_tag_that_nobody_in_the_circle_takes_is_got_once():
    rules = shop(
        a=(entered("warm"), "  - tag: {add: cold}\n"),
        b=(entered("cold"), "  - tag: {add: warm}\n"),
        c=(BY_EVENT, "  - tag: {remove: [warm, cold]}\n"),
    )
    assert told(rules) == []


def test_a_tag_that_goes_and_comes_back_starts_without_end():
    rules = shop(a=("{leaves: {tag: warm}}", "  - tag: {add: warm}\n  - tag: {remove: warm}\n"))
    assert [(place, way) for place, way, _ in told(rules)] == [("playbooks/a.yaml:8:5", "a -> a")]
    rules = shop(a=("{leaves: {tag: warm}}", "  - tag: {add: warm, expires: 30d}\n"))
    assert "a lets expire the tag warm, which starts a" in told(rules)[0][2]


@pytest.mark.parametrize(("wait", "circles"), [("40d", 1), ("1d", 0)])
def test_a_tag_that_expires_comes_again_only_where_the_circle_takes_so_long(wait, circles):
    rules = shop(a=(entered("warm"), f"  - wait: {wait}\n  - tag: {{add: warm, expires: 30d}}\n"))
    assert len(told(rules)) == circles


def test_an_update_starts_what_hears_of_any_update():
    steps = "  - update: {set: {source: a}}\n"
    rules = shop(a=("{event: customer.updated}", steps))
    assert "a updates the customer, which starts a" in told(rules)[0][2]
    assert told(shop(a=("{event: customer.updated, where: {country: DE}}", steps))) == []
    assert told(shop(a=("{event: customer.updated, once_per: 1d}", steps))) == []
