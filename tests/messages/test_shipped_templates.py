"""Every shipped message beside the text it must have. `REGULARS_WRITE_GOLDEN=1 pytest …` writes them anew."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.messages.message import Rendered
from engine.messages.render import render
from engine.messages.templates import template_locales, template_names
from engine.money import Money
from tests.messages.shop import shipped, values

GOLDEN = Path(__file__).parent / "golden"
MESSAGES = [
    (name, locale) for name in sorted(template_names(shipped())) for locale in template_locales(shipped(), name)
]
CASES = {
    "known": values(),
    "nameless": values(
        customer__given_name=None,
        order__payment_method="transfer",
        order__total=Money(990, "BRL"),
        customer__zone="America/Sao_Paulo",
    ),
    "bare": values(
        customer__given_name=None,
        customer__zone=None,
        order__total=None,
        order__payment_method=None,
        shipment__carrier=None,
        shipment__tracking=None,
        shipment__estimated_at=None,
        coupon__last_day=None,
        unsubscribe=None,
    ),
}


class _Words(HTMLParser):
    """What a reader sees of an HTML message."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.words.append(" ".join(data.split()))


def _as_read(message: Rendered) -> str:
    words = "\n".join(_Words(message.html or "").words)
    return f"Subject: {message.subject}\n\n{message.text}\n=== the HTML, as read ===\n{words}\n"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "locale"), MESSAGES)
def test_a_shipped_message_says_what_its_golden_file_says(name, locale, case):
    message = render(shipped(), name, (locale,), CASES[case])
    golden = GOLDEN / f"{name}.{locale}.{case}.txt"
    if os.environ.get("REGULARS_WRITE_GOLDEN"):
        golden.write_text(_as_read(message), "utf-8")
    assert _as_read(message) == golden.read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "locale"), MESSAGES)
def test_a_shipped_message_is_whole_html_in_its_language(name, locale, case):
    message = render(shipped(), name, (locale,), CASES[case])
    assert message.locale == locale
    assert message.html is not None
    assert f'lang="{locale}"' in message.html
    for left in ("{{", "{%", "<mj-", "None", "http:", "https:"):
        assert left not in message.html.replace("http://www.w3.org", "")
        assert left not in message.text
    assert "<title>" in message.html
    assert "@media" in message.html


def test_there_are_three_payment_reminders_in_two_languages():
    assert {name for name in template_names(shipped()) if name.startswith("payment-reminder")} == {
        "payment-reminder-first",
        "payment-reminder-welcome",
        "payment-reminder-second",
    }
    for name in template_names(shipped()):
        assert set(template_locales(shipped(), name)) >= {"de", "en"}, name


def test_no_golden_file_is_left_over():
    known = {f"{name}.{locale}.{case}.txt" for name, locale in MESSAGES for case in CASES}
    assert {path.name for path in GOLDEN.iterdir()} == known


def test_text_and_html_of_a_shipped_message_state_the_same_amount():
    message = render(shipped(), "payment-reminder-first", ("de",), values())
    amount = "1.234,50\xa0€"
    assert amount in message.text
    assert amount in (message.html or "")


@pytest.mark.parametrize(("name", "locale"), MESSAGES)
def test_no_line_of_a_shipped_text_is_wider_than_a_screen(name, locale):
    text = render(shipped(), name, (locale,), values()).text
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"\n{3}|[ \t]\n", text)
