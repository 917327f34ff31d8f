"""The page of a backtest: whole by itself, safe whatever the rules say, and a table for each picture."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from engine.language.responses import Responses
from engine.money import Money
from engine.simulation.backtest import Window
from engine.simulation.changed import Changes, Example
from engine.simulation.findings import Finding
from engine.simulation.page import page
from engine.simulation.result import EVERYBODY_ELSE, Load, Result, Sent
from engine.simulation.tables import ERASED, Report, plain, tables
from engine.simulation.worth import Worth
from tests.workflows.rules import REMIND_AT_ONCE, make_rules

NASTY = "<b>&\"'"
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Read(HTMLParser):
    """Reads a page, and fails where an element is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attributes) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())


@pytest.fixture
def report() -> Report:
    result = Result(
        customers=3,
        journeys=Counter({(NASTY, "ended", "ended"): 2}),
        messages=Counter({
            Sent(NASTY, "offer", "email", "2026-03-02", "sent", ""): 2,
            Sent(NASTY, "offer", "email", "2026-03-02", "skipped", "no_consent"): 1,
        }),
        written=Counter({("", ""): 2, (NASTY, "2026-03-02"): 2}),
        steps=Counter({(NASTY, "offer"): 3}),
        hours=Counter({("email", 1, 10): 2}),
        load=Counter({Load("channel", "email", "hour", "2026-03-02T10:00Z"): 2,
                      Load("channel", "email", "day", "2026-03-02"): 2}),
        goals=Counter({(NASTY, EVERYBODY_ELSE, "journeys"): 2, (NASTY, EVERYBODY_ELSE, "reached"): 1,
                       (NASTY, EVERYBODY_ELSE, "revenue"): 4990, (NASTY, "holdout", "journeys"): 1}),
        coupons=Counter({(NASTY, "gift"): 3, (NASTY, "other"): 2}),
        given=Counter({(NASTY, "coupon", "give"): 5, (NASTY, "points", "earn"): 70}),
        flows=Counter({("stage", "new", "active"): 4, ("stage", "", "new"): 1}),
        standing=Counter({("stage", "begin", "new"): 3, ("stage", "end", "active"): 3}),
        touched=Counter({1: 2, 2: 1, 3: 1}),
        before=Result(customers=3),
        changes=Changes(
            messages=Counter({(NASTY, "offer", "gained"): 2}),
            groups=Counter({("segment", "best", "gained"): 2}),
            customers=Counter({"changed": 1, "gained": 1}),
            examples={(NASTY, "offer", "gained"): [
                Example(1, (), (("2026-03-02T10:00:00+00:00", "message", NASTY, "offer", "sent", "email"),))
            ]},
        ),
    )  # fmt: skip
    rules = make_rules(REMIND_AT_ONCE)
    start, to = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    window = Window("postgresql://secret@host/db", rules, ("payment-reminder",), start, to, "EUR")
    return Report(
        window,
        result,
        NASTY,
        (window, "main"),
        {1: NASTY, 2: "somebody@example.net"},
        {"gift": Worth(Money(500, "EUR"), Money(1000, "EUR"))},
        (Finding("peak", NASTY, f"{NASTY} would send too much."),),
        ("a note",),
        12.3,
    )


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(report: Report) -> None:
    html = page(report)
    read = Read()
    read.feed(html)
    read.close()
    assert read.open == []
    names = Counter(tag for tag, _ in read.seen)
    assert names["script"] == names["link"] == names["img"] == names["iframe"] == 0
    for _, attributes in read.seen:
        assert not {"src", "href", "onclick", "srcset"} & attributes.keys()
    assert not re.search(r"@import|url\(|https?://", html)
    assert "secret" not in html


def test_what_rules_and_shops_say_cannot_become_markup(report: Report) -> None:
    html = page(report)
    assert NASTY not in html
    assert "&lt;b&gt;&amp;&quot;&#x27;" in html


def test_each_picture_has_a_title_a_description_and_a_table_of_its_numbers(report: Report) -> None:
    html = page(report)
    pictures = re.findall(r'<svg role="img".*?</figure>(.*?)</details>', html, re.DOTALL)
    read = Read()
    read.feed(html)
    images = [attributes for tag, attributes in read.seen if tag == "svg" and attributes.get("role") == "img"]
    assert len(images) == len(pictures) == 8
    ids = [attributes["id"] for _, attributes in read.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    for each in images:
        assert set((each["aria-labelledby"] or "").split()) <= set(ids)
    for after in pictures:
        assert "<table>" in after
        assert "scope=col" in after


def test_customers_are_shown_by_the_shops_name_but_neither_by_an_address_nor_when_erased(report: Report) -> None:
    (touched,) = (table for table in tables(report) if table.name == "touched")
    assert [row[0] for row in touched.rows] == [NASTY, "2 (our number)", ERASED]
    assert "somebody@example.net" not in page(report)


def test_cost_is_what_codes_say_and_otherwise_unknown(report: Report) -> None:
    (costs,) = (table for table in tables(report) if table.name == "costs")
    assert [tuple(map(plain, row[1:])) for row in costs.rows] == [
        ("coupons", "gift", 3, "5.00 EUR to 10.00 EUR", "15.00 EUR to 30.00 EUR"),
        ("coupons", "other", 2, "unknown", "unknown: its codes carry no value"),
        ("points", "", 70, "unknown", "unknown: no rule says what a point is worth"),
    ]


def test_a_backtest_in_which_nothing_happened_still_has_a_page(report: Report) -> None:
    empty = Report(report.window, Result(customers=3), "the project's rules")
    read = Read()
    read.feed(page(empty))
    assert read.open == []
    assert "No message was sent." in page(empty)


def test_where_responses_are_assumed_the_page_does_not_say_that_nobody_reacts(report: Report) -> None:
    assert "nobody reacts to a simulated message" in page(report)
    window = replace(report.window, responses=Responses(1, 60, 60, 60, ()))
    html = page(replace(report, window=window))
    assert "nobody reacts to a simulated message" not in html
    assert "it is by assumption and no proof" in html
    read = Read()
    read.feed(html)
    assert read.open == []
