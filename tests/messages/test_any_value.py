"""Whatever strangers write into a name or an order number, a message stays one message."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from unicodedata import category

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.messages.links import refused_in_html, refused_in_text
from engine.messages.locales import formatting_locale, locale_chain
from engine.messages.message import OutgoingMessage, Rendered
from engine.messages.mime import to_email
from engine.messages.nesting import is_deeper
from engine.messages.render import render
from tests.messages.shop import shipped, values

# Names as people and attackers write them; a lone surrogate cannot come out of PostgreSQL.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
HOSTILE = st.sampled_from(
    ["<script>", "\"'>", "{{ 7 * 7 }}", "{% x %}", "</p>", "&lt;", "]]>", "<!--", "\r\nBcc: x@y.z"]
)
NAMES = st.one_of(WORDS, st.builds(str.__add__, WORDS, HOSTILE), HOSTILE)
TEMPLATES = shipped()


class _Shape(HTMLParser):
    """The tags and attribute names of a page, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


PLAIN = _Shape(render(TEMPLATES, "payment-reminder-first", ("en",), values()).html or "").tags


@settings(max_examples=60)
@given(NAMES, NAMES)
def test_values_change_the_words_of_a_page_and_never_its_elements(name, number):
    filled = values(customer__given_name="N" + name, order__number="O" + number)
    message = render(TEMPLATES, "payment-reminder-first", ("en",), filled)
    shape = _Shape(message.html or "")
    assert shape.tags == PLAIN
    assert _letters(f"Hello N{name},") in _letters(shape.words)


def _letters(text: str) -> str:
    """The text without blanks and control characters, which a message replaces."""
    return "".join(letter for letter in text if not letter.isspace() and category(letter) not in ("Cc", "Cn"))


@given(NAMES, NAMES, NAMES)
def test_a_mail_is_read_as_it_was_written_and_has_no_other_headers(subject, text, name):
    content = Rendered("S" + subject, text + "\n", f"<p>{text}</p>\n", "en")
    message = OutgoingMessage("Shop <shop@example.com>", "a@example.invalid", content, datetime.now(UTC), name)
    mail = message_from_bytes(to_email(message, "key").as_bytes(), policy=policy.default)
    assert {header.lower() for header in mail.keys()} == {  # noqa: SIM118 -- a mail's headers may repeat
        "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-language",
    }  # fmt: skip
    assert mail["To"].addresses[0].addr_spec == "a@example.invalid"
    assert len(mail["To"].addresses) == 1


@given(WORDS.filter(lambda words: "".join(words.split()) and words.isprintable()))
def test_a_printable_subject_arrives_as_it_is(subject):
    content = Rendered(subject, "x\n", None, "en")
    message = OutgoingMessage("shop@example.com", "a@example.invalid", content, datetime.now(UTC))
    mail = message_from_bytes(to_email(message, "key").as_bytes(), policy=policy.default)
    assert " ".join(mail["Subject"].split()) == " ".join(subject.split())


@given(st.text(max_size=2000))
def test_no_text_makes_the_looks_at_links_fail(text):
    refused_in_html(text)
    refused_in_text(text)
    is_deeper(text, 10)


@given(st.integers(0, 60), st.integers(0, 60))
def test_nesting_is_counted_as_it_is(depth, limit):
    page = "<a b='<'>" * depth + "x<br><img/>" + "</a>" * depth
    assert is_deeper(page * 3, limit) is (depth > limit)


@given(st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["pt_BR", "zh-Hant-TW", "de", "EN-us"])))
def test_every_locale_leads_to_the_policys(tag):
    chain = locale_chain(tag, "en")
    assert chain[-1] == "en"
    assert len(set(chain)) == len(chain)
    formatting_locale(chain[0], chain)


def test_a_locale_leads_from_the_special_to_the_general():
    assert locale_chain("pt_br", "en-GB") == ("pt-BR", "pt", "en-GB", "en")
    assert locale_chain("zh-hant-tw", "en") == ("zh-Hant-TW", "zh-Hant", "zh", "en")
    assert locale_chain("no such", "en") == ("en",)
