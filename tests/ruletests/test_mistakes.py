"""What is wrong in a test file is a located error; its other tests still run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.issues import TITLES
from engine.ruletests.read import read_tests
from tests.ruletests.shop import HEAD, rules, suite

SOUND = "  sound: {orders: [-3d], expect: {stage: customer}}\n"


@pytest.mark.parametrize(
    ("test", "code", "found", "said"),
    [
        ("{orders: [-3d]}", "RG202", "no key expect", "the key expect"),
        ("{expect: §{}}", "RG211", "an empty mapping", "at least one of tags"),
        ("{expect: {§tag: [good]}}", "RG201", "tag", "did you mean tags?"),
        ("{expect: {tags: [§god]}}", "RG315", "god", "did you mean good?"),
        ("{expect: {tags: {§include: [good]}}}", "RG201", "include", "did you mean includes?"),
        ("{expect: {tags: §{includes: [good], excludes: [good]}}}", "RG309", "good", "in one of"),
        ("{expect: {segments: [§loud]}}", "RG316", "loud", "quiet"),
        ("{expect: {stage: §custmer}}", "RG317", "custmer", "did you mean customer?"),
        ("{expect: {tier: §best}}", "RG318", "best", "none, rest or top"),
        ("{expect: {rfm_group: §best}}", "RG319", "best", "none"),
        ("{expect: {attributes: {§spnd: 3 EUR}}}", "RG301", "spnd", "did you mean spend?"),
        ("{expect: {attributes: {spend: §3}}}", "RG401", "3", "write the currency too"),
        ("{expect: {attributes: {days: §soon}}}", "RG401", "soon", "a whole number"),
        ("{§ordrs: [-3d], expect: {tags: []}}", "RG201", "ordrs", "did you mean orders?"),
        ("{§lines: [], expect: {tags: []}}", "RG201", "lines", "inside of their order"),
        ("{orders: [{§payed: -3d}], expect: {tags: []}}", "RG303", "payed", "did you mean placed?"),
        ("{orders: [{paid: §3}], expect: {tags: []}}", "RG401", "3", "did you mean -3d?"),
        ("{orders: [§soon], expect: {tags: []}}", "RG401", "soon", "an offset"),
        ("{§orders: [{delivered: -3d}], expect: {tags: []}}", "RG202", "an order without placed", "placed"),
        ("{orders: [{paid: -3d, total: §5}], expect: {tags: []}}", "RG401", "5", "write the currency too"),
        ("{orders: [{paid: -3d, total: 5 EUR, discount: §1 USD}], expect: {tags: []}}", "RG401", "1 USD", "EUR"),
        ("{orders: [{paid: -3d, times: §0}], expect: {tags: []}}", "RG209", "0", "from 1 to 1000"),
        ("{orders: [{paid: -3d, §every: 3d}], expect: {tags: []}}", "RG202", "every without times", "times"),
        ("{orders: [{paid: -3d, times: 2, every: §3}], expect: {tags: []}}", "RG205", "3", "a duration"),
        ("{orders: §-3d, expect: {tags: []}}", "RG203", "-3d", "a list of orders"),
        ("{customer: {zone: §Mars}, expect: {tags: []}}", "RG212", "Mars", "a time zone"),
        ("{at: §noon, expect: {tags: []}}", "RG401", "noon", "an instant"),
        ("{currency: §EURO, expect: {tags: []}}", "RG212", "EURO", "ISO 4217"),
        ("{cut_offs: {§tiers: {}}, expect: {tier: top}}", "RG202", "no key top", "the key top"),
        ("{cut_offs: {tiers: {§rest: 1 EUR, top: 2 EUR}}, expect: {tier: top}}", "RG318", "rest", "top"),
        ("{cut_offs: {§rfm: {recency: 3}}, expect: {tags: []}}", "RG319", "rfm", "rules that have RFM"),
        ("{before: §{tier: top}, expect: {tier: top}}", "RG202", "no key at", "when that was"),
        ("{hand_tags: [§{at: -3d}], expect: {tags: []}}", "RG202", "no key tag", "the key tag"),
        ("{events: [{event: §order.paid, at: -3d}], expect: {tags: []}}", "RG302", "order.paid", "a row of orders"),
        ("{events: [{event: §message.clicks, at: -3d}], expect: {tags: []}}", "RG302", "message.clicks", "clicked?"),
        ("{events: [§{event: message.clicked}], expect: {tags: []}}", "RG202", "no key at", "when it happened"),
        ("{expect: {stage: prospect}, but: {§x: {orders: [-3d]}}}", "RG202", "no key expect", "turned around"),
        ("{expect: {tags: []}, §customer: }", "RG203", "nothing", "a value"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_other_tests_run(test, code, found, said):
    """The place is marked by § in the text; without it, it is the test's name."""
    line = f"  x: {test}" if "§" in test else f"  §x: {test}"
    read = suite(f"{HEAD}{line.replace('§', '')}\n{SOUND}")
    (issue,) = read.issues
    assert (issue.code, issue.line, issue.column, issue.found) == (code, 3, line.index("§") + 1, found)
    assert said in f"{issue.expected} {issue.hint}"
    assert "sound" in [case.name for case in read.cases]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("tests:\n  x: {expect: {tags: []}}\n", "RG202", 2),
        ("at: 2026-06-01\n", "RG202", 1),
        ("at: 2026-06-01\ntests: {}\n", "RG211", 2),
        ("at: 2026-06-01\ntest: {}\ntests: {x: {expect: {tags: []}}}\n", "RG201", 2),
        ("[]\n", "RG203", 1),
        ("tests: [\n", "RG103", 2),
    ],
)
def test_a_file_that_is_none_is_told_so(text, code, line):
    assert [(issue.code, issue.line) for issue in suite(text).issues] == [(code, line)]


def test_a_mistake_in_facts_is_told_once_however_many_variants_share_them():
    read = suite(f"{HEAD}  x: {{orders: [soon], expect: {{tags: [good]}}, but: {{a: {{expect: {{tags: []}}}}}}}}\n")
    assert len(read.issues) == 1
    assert read.cases == ()


WORDS = st.sampled_from(
    [
        *("orders", "paid", "-3d", "expect", "tags", "good", "but", "lines", "cut_offs", "tiers", "top", "at", "every"),
        *(
            "times",
            "5 EUR",
            "customer",
            "zone",
            "hand_tags",
            "before",
            "events",
            "event",
            "null",
            "0",
            "~",
            "-999999999mo",
        ),
    ]
)
TREES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(WORDS, inner, max_size=3).map(
            lambda each: "{" + ", ".join(f"{key}: {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=8,
)
COMPILED = rules()


@given(tree=TREES)
def test_no_test_file_raises_anything(tree):
    files = {**COMPILED.files, "x.test.yaml": f"{HEAD}  x: {tree}\n{SOUND}"}
    read = read_tests(type(COMPILED)(**{**vars(COMPILED), "files": files}))
    assert all(issue.code in TITLES for issue in read.issues)
    assert read.issues or len(read.cases) > 1
