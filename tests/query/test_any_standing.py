"""Rules of standing made at random, decided for everybody in DuckDB and for each by itself: the same."""

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from engine.conditions.ast import All, Compare, Did
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Catalogue, Known
from engine.query import conditions, standing
from engine.query.conditions import Column
from engine.query.run import connect
from engine.query.standing import Asked, compile_standing, questions
from engine.standing.cut_offs import CutOffs, MeasureCutOffs, RfmCutOffs
from engine.standing.decide import Decide, HandTag, Standing
from engine.standing.definition import (
    Lifecycle,
    Measure,
    Review,
    Rfm,
    RfmGroup,
    SegmentRule,
    StageRule,
    StandingRules,
    TagRule,
    TierRule,
    Tiers,
)
from engine.standing.order import CircleError, dependency_order
from engine.standing.review import Reviews
from tests.conditions.strategies import NOW, TYPES, VALUES, comparisons, trees
from tests.query.judged import _table, read

SECOND = 1_000_000
DAY = 86_400 * SECOND
CURRENCY, ZONE = "EUR", "America/Sao_Paulo"
NAMES = ["a", "ü", "it's", 'say "x"']
"""Of tags, segments, stages and tiers alike; each kind has them for itself."""
REVIEW = Review(month=2, day=29)
REVIEWED, _ = Reviews(REVIEW, ZONE).around(NOW)
GRACES = [(NOW - REVIEWED) // SECOND + more for more in (0, 1, -1)]
"""Seconds from the review to the decision, and beside it."""
_SCALES = {"decimal": 2}
_FITTING = {"integer": st.integers(-(2**63), 2**63 - 1), "money": st.integers(-(2**63), 2**63 - 1)}


@st.composite
def of_standing(draw):
    """A comparison with what has been decided already."""
    name = draw(st.sampled_from(["tags", "segments", "stage", "tier", "rfm_group", "rfm_recency", "tier_ends_at"]))
    words = st.lists(st.sampled_from([*NAMES, "by hand", "nobody's"]), max_size=3)
    if name in ("tags", "segments"):
        operator = draw(st.sampled_from(["has_any", "has_all", "has_none", "eq"]))
        if operator == "eq":
            return Compare(name=name, operand=draw(st.sampled_from(NAMES)))
        return Compare(name=name, operator=operator, operands=tuple(draw(words)))
    if draw(st.booleans()):
        return Compare(name=name, operator=draw(st.sampled_from(["known", "unknown"])))
    if name == "rfm_recency":
        return Compare(name=name, operator=draw(st.sampled_from(["gte", "lt", "eq"])), operand=draw(st.integers(0, 5)))
    if name == "tier_ends_at":
        return Compare(name=name, operator="gt", operand="2001-09-09T01:46:40Z")
    return Compare(name=name, operator=draw(st.sampled_from(["in", "not_in"])), operands=tuple(draw(words)))


DIDS = st.builds(
    Did,
    event=st.just("order.paid"),
    where=st.none() | comparisons(),
    within_seconds=st.none() | st.sampled_from([1, 10]),
    times=st.integers(1, 3),
)
ASKED = trees(st.one_of(comparisons(), comparisons(), of_standing(), DIDS))
PLAIN = st.just(All(parts=())) | trees(comparisons())
"""Bases; often that of everybody, so that ranks and scores are given at all."""


@st.composite
def rules(draw):
    """Some of each kind of rule, in no circle."""
    names = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
    ages = st.none() | st.sampled_from([1, 60, 86_400])
    tags = tuple(TagRule(name=each, title=each, when=draw(ASKED), expires=draw(ages)) for each in draw(names))
    segments = tuple(SegmentRule(name=each, title=each, when=draw(ASKED)) for each in draw(names))
    stages = tuple(StageRule(name=each, title=each, when=draw(ASKED)) for each in draw(names))
    made = StandingRules(
        tags=tags,
        segments=segments,
        lifecycle=Lifecycle(stages=stages) if draw(st.booleans()) else None,
        tiers=draw(tiers() | st.none()),
        rfm=draw(rfms() | st.none()),
    )
    try:
        dependency_order(made)
    except CircleError:
        assume(False)
    return made


@st.composite
def tiers(draw):
    named = NAMES[: draw(st.sampled_from([3, 4, 2, 1]))]
    return Tiers(
        rank_by=draw(st.sampled_from(["number", "spend", "share"])),
        base=draw(st.none() | PLAIN),
        tiers=tuple(TierRule(name=each, title=each, share=None) for each in named),
        grace=draw(st.sampled_from([*GRACES, 0])),
        review=REVIEW,
    )


@st.composite
def rfms(draw):
    wished = [tuple(draw(st.booleans()) for _ in range(3)) for _ in range(4)]
    groups = [
        RfmGroup(name=each, title=each, recent=one, frequent=two, valuable=three)
        for each, (one, two, three) in zip(NAMES, wished, strict=True)
    ]
    measures = [Measure(attribute=draw(st.sampled_from(["number", "spend", "share"])), high_from=1) for _ in range(3)]
    return Rfm(base=draw(PLAIN), recency=measures[0], frequency=measures[1], monetary=measures[2], groups=tuple(groups))


PUBLISHED = st.sampled_from([True, True, True, False])


def numbers(name: str):
    """Cut-offs near the values of an attribute."""
    limits = {"share": st.sampled_from([Decimal("0.5"), Decimal("0.505"), Decimal(0), Decimal(1)])}
    return limits.get(name, st.sampled_from([-3, -1, 0, 1, 3, 2**53 + 1, 2**63 - 1, -(2**63)])) | st.none()


@st.composite
def cut_offs(draw, made: StandingRules):
    """Published ones, or some or none of them."""
    ranked = measures = None
    if made.tiers is not None and draw(PUBLISHED):
        ranked = tuple(draw(numbers(made.tiers.rank_by)) for _ in made.tiers.tiers[:-1])
    if made.rfm is not None and draw(PUBLISHED):
        each = [
            MeasureCutOffs(better, draw(numbers(name)), tuple(draw(numbers(name)) for _ in range(4)))
            for better, name in (
                ("less", made.rfm.recency.attribute),
                ("more", made.rfm.frequency.attribute),
                ("more", made.rfm.monetary.attribute),
            )
        ]
        measures = RfmCutOffs(*each)
    return CutOffs(ranked, measures)


VALUE_SETS = st.fixed_dictionaries(
    {
        name: st.none() | (_FITTING[kind] | VALUES[name] if kind in _FITTING else VALUES[name])
        for name, kind in TYPES.items()
    }
).map(lambda found: {name: _within(value) for name, value in found.items()})


def _within(value):
    """A column of 64 bits holds no more."""
    return 2**63 - 1 if value == 2**63 else value


@st.composite
def standings(draw):
    since = st.sampled_from([NOW, NOW - 1, NOW - 60 * SECOND, NOW - DAY])
    return Standing(
        stage=draw(st.none() | st.sampled_from(NAMES)),
        tier=draw(st.sampled_from([*NAMES, "gone", None])),
        tier_ends_at=draw(st.sampled_from([None, None, None, NOW - 1, NOW, NOW + 1])),
        rfm_group=draw(st.none() | st.sampled_from(NAMES)),
        rfm_recency=draw(st.none() | st.integers(1, 5)),
        given=draw(st.dictionaries(st.sampled_from(NAMES), since)),
        at=draw(st.sampled_from([REVIEWED - 1, REVIEWED, NOW, REVIEWED - 400 * DAY])),
    )


HAND_TAGS = st.lists(
    st.builds(
        HandTag,
        st.sampled_from([*NAMES, "by hand"]),
        st.sampled_from([NOW - DAY, NOW, NOW + 1]),
        st.none() | st.sampled_from([NOW, NOW + 1]),
        st.none() | st.sampled_from([NOW, NOW + 1]),
    ),
    max_size=3,
)
EVENTS = st.lists(
    st.tuples(st.sampled_from([NOW, NOW + 1, NOW - SECOND, NOW - SECOND + 1, NOW - DAY]), VALUE_SETS), max_size=3
)
PEOPLE = st.lists(st.tuples(VALUE_SETS, standings() | st.none(), HAND_TAGS, EVENTS), min_size=8, max_size=12)


@pytest.fixture(scope="module")
def database():
    with connect(memory="1GB", threads=1) as connection:
        yield connection


COLUMNS = {name: Column(f'"v"."{name}"', kind, _SCALES.get(kind, 0)) for name, kind in TYPES.items()}
_ARROW = {
    "integer": pa.int64(), "money": pa.int64(), "instant": pa.int64(), "date": pa.date32(), "boolean": pa.bool_(),
    "string": pa.string(), "set": pa.list_(pa.string()), "decimal": pa.decimal128(38, 2),
}  # fmt: skip


def by_itself(made: StandingRules, people: Sequence, published: CutOffs):
    decide = Decide(made, Catalogue(TYPES, {"order.paid": TYPES}, CURRENCY), ZONE)
    found = {}
    for number, (values, previous, hand_tags, events) in enumerate(people):
        decision = decide(
            values, NOW, cut_offs=published, previous=previous, hand_tags=hand_tags, events={"order.paid": events}
        )
        found[number] = (decision.standing, None, decision.stages)
    return found


def in_bulk(database, made: StandingRules, people: Sequence, published: CutOffs):
    told = [("customer", pa.int64()), *((name, _ARROW[kind]) for name, kind in TYPES.items())]
    rows = [(number, *(_plain(values[name]) for name in TYPES)) for number, (values, *_) in enumerate(people)]
    _table(database, '"values"', told, rows)
    _before(database, people)
    asks = [
        compile_condition(each, currency=CURRENCY, types=TYPES, events={"order.paid": TYPES})
        for each in questions(made)
    ]
    answers = [
        (number, place)
        for number, (*_, events) in enumerate(people)
        for place, ask in enumerate(asks)
        if ask(Known(NOW, {}, {"order.paid": events}))
    ]
    _table(database, "answers", [("customer", pa.int64()), ("question", pa.int64())], answers)
    database.execute("CREATE OR REPLACE TEMP TABLE flips (customer BIGINT, instant BIGINT)")
    for statement in compile_standing(Asked(made, COLUMNS, NOW, published, CURRENCY, ZONE)):
        database.execute(statement)
    return read(database, NOW)


def _plain(value):
    return sorted(value) if isinstance(value, frozenset) else value


def _before(database, people: Sequence) -> None:
    ranks = ["stage", "tier", "tier_ends_at", "rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary"]
    texts = {"stage", "tier", "rfm_group"}
    types = [("customer", pa.int64()), ("decided_at", pa.int64())]
    types += [(name, pa.string() if name in texts else pa.int64()) for name in ranks]
    known = [(number, was) for number, (_, was, _, _) in enumerate(people) if was is not None]
    rows = [(number, was.at, *(getattr(was, name) for name in ranks)) for number, was in known]
    _table(database, "previous", types, rows)
    tag = [("customer", pa.int64()), ("tag", pa.string())]
    given_before = [(number, name, since) for number, was in known for name, since in was.given.items()]
    _table(database, "previous_given", [*tag, ("since", pa.int64())], given_before)
    tags = [
        (number, each.tag, each.at, each.expires_at, each.removed_at)
        for number, (_, _, hand_tags, _) in enumerate(people)
        for each in hand_tags
    ]
    instants = [(name, pa.int64()) for name in ("given_at", "expires_at", "removed_at")]
    _table(database, "hand_tags", [*tag, *instants], tags)


def told(said):
    standing, _, stages = said
    names = [name for name in Standing._fields if name != "given"]
    return {**{name: getattr(standing, name) for name in names}, "given": dict(standing.given), "stages": stages}


@settings(deadline=None, max_examples=60)
@given(data=st.data(), made=rules(), people=PEOPLE)
def test_any_rules_decide_everybody_at_once_as_each_by_itself(database, data, made, people):
    published = data.draw(cut_offs(made))
    differs(database, made, people, published)


def differs(database, made, people, published):
    expected, found = by_itself(made, people, published), in_bulk(database, made, people, published)
    assert {each: told(one) for each, one in found.items()} == {each: told(one) for each, one in expected.items()}


@settings(deadline=None, max_examples=300, phases=(Phase.generate,), database=None, report_multiple_bugs=False)
@given(data=st.data(), made=rules(), people=PEOPLE)
def search(database, data, made, people):
    differs(database, made, people, data.draw(cut_offs(made)))


MUTATIONS = {
    "the null guard of a negation": (conditions, "is_not_true", lambda test: f"(NOT {test})"),
    "at least is more than": (conditions, "_SYMBOLS", {**conditions._SYMBOLS, "gte": ">"}),
    "reviews forgotten": (standing, "Reviews", lambda *_: SimpleNamespace(around=lambda _: (0, 0))),
    "cut-offs that are not reached by themselves": (standing, "_reaches", lambda measure, column, cut: "FALSE"),
    "tags are segments": (standing, "_SETS", {"tags": "segment", "segments": "segment"}),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_of_any_rules_is_noticed(database, monkeypatch, mutation):
    monkeypatch.setattr(*MUTATIONS[mutation])
    with pytest.raises((AssertionError, duckdb.Error)):
        search(database)
