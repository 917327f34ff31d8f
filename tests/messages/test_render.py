"""What templates may do, and how they fail."""

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.messages.errors import TemplateError
from engine.messages.render import render
from engine.money import Money
from tests.messages.shop import values

HEAD = "Subject: About {{ order.number }}\n\n"


def _filled(body: str, chain: tuple[str, ...] = ("en",), **changes: object) -> str:
    return render({"t.en.txt": HEAD + body, "t.de.txt": HEAD + body}, "t", chain, values(**changes)).text.strip()


def _page(body: str) -> str:
    inside = f"<mj-section><mj-column><mj-text>{body}</mj-text></mj-column></mj-section>"
    return f"<mjml><mj-body>{inside}</mj-body></mjml>"


def _html(body: str, **changes: object) -> str:
    templates = {"t.en.txt": HEAD + "text", "t.en.mjml": _page(body)}
    return render(templates, "t", ("en",), values(**changes)).html or ""


def _refusal(body: str, mjml: str | None = None, **more: str) -> TemplateError:
    templates = {"t.en.txt": HEAD + body, **{f"{name}.txt": source for name, source in more.items()}}
    if mjml is not None:
        templates["t.en.mjml"] = mjml
    with pytest.raises(TemplateError) as caught:
        render(templates, "t", ("en",), values())
    return caught.value


# --- which template -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "locale"),
    [
        (("pt-BR", "pt", "en"), "pt-BR"),
        (("pt-PT", "pt", "en"), "pt"),
        (("fr-FR", "fr", "en"), "en"),
    ],
)
def test_the_best_language_that_there_is_is_taken(chain, locale):
    templates = {f"t.{each}.txt": f"Subject: {each}\n\n{each}" for each in ("pt-BR", "pt", "en")}
    message = render(templates, "t", chain, values())
    assert (message.locale, message.subject, message.text) == (locale, locale, f"{locale}\n")


def test_a_message_may_go_without_html():
    assert render({"t.en.txt": HEAD + "x"}, "t", ("en",), values()).html is None


def test_html_of_another_language_is_not_put_beside_a_text():
    templates = {"t.de.txt": HEAD + "x", "t.en.txt": HEAD + "x", "t.en.mjml": _page("x")}
    assert render(templates, "t", ("de", "en"), values()).html is None


@pytest.mark.parametrize("folder", ["", "templates/", "rules/templates/"])
def test_templates_are_found_by_their_path_below_the_rules(folder):
    templates = {f"{folder}a/t.en.txt": HEAD + "{% include '_b.txt' %}", f"{folder}_b.txt": "b"}
    assert render(templates, "a/t", ("en",), values()).text == "b\n"


def test_a_missing_template_names_what_there_is():
    error = _missing({"win-back.en.txt": HEAD + "x"}, "winback")
    assert (error.code, error.file) == ("template-missing", "winback.en.txt")
    assert error.hint == "did you mean win-back?"
    error = _missing({"win-back.fr.txt": HEAD + "x"}, "win-back")
    assert error.found == "locales fr"
    assert "win-back.en.txt" in error.hint


def _missing(templates: dict[str, str], name: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        render(templates, name, ("en",), values())
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "found"),
    [
        ("", 1, "an empty file"),
        ("Hello", 1, "Hello"),
        ("Subject:\n\nx", 1, "Subject:"),
        ("Subject: x\nBcc: y\n\nz", 2, "Bcc: y"),
        ("Subject: x", 2, "the end of the file"),
        ("Subject: x\n\n \n", 3, "no text"),
    ],
)
def test_a_text_without_its_header_is_refused_with_its_line(source, line, found):
    error = _missing({"t.en.txt": source}, "t")
    assert (error.code, error.line, error.found) == ("template-header", line, found)


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm():
    message = render({"t.en.txt": "\ufeffSubject: x\r\n\r\nHello\r\nyou\r\n"}, "t", ("en",), values())
    assert (message.subject, message.text) == ("x", "Hello\nyou\n")


# --- values and formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "english", "german"),
    [
        ("{{ order.total | money }}", "€1,234.50", "1.234,50\xa0€"),
        ("{{ order.total }}", "€1,234.50", "1.234,50\xa0€"),
        ("{{ order.placed_at | date }}", "March 8, 2024", "8. März 2024"),
        ("{{ order.placed_at | date('short') }}", "3/8/24", "08.03.24"),
        ("{{ order.placed_at | time }}", "12:30\u202fAM", "00:30"),
        ("{{ order.placed_at | datetime }}", "March 8, 2024, 12:30\u202fAM", "8. März 2024, 00:30"),
        ("{{ order.placed_at | datetime('short') }}", "3/8/24, 12:30\u202fAM", "08.03.24, 00:30"),
        ("{{ 1234.5 | number }}", "1,234.5", "1.234,5"),
        ("{{ 1234.5 | number(2) }}", "1,234.50", "1.234,50"),
        ("{{ 0.25 | percent }}", "25%", "25\xa0%"),
        ("{{ 0.253 | percent(1) }}", "25.3%", "25,3\xa0%"),
        ("{{ 1 | plural(one='# item', other='# items') }}", "1 item", "1 item"),
        ("{{ 1200 | plural(one='# item', other='# items') }}", "1,200 items", "1.200 items"),
        ("{{ 2 + 3 * 4 }} {{ 7 // 2 }} {{ 7 % 4 }}", "14 3 3", "14 3 3"),
        ("{{ 1 / 4 }}", "0.25", "0,25"),
    ],
)
def test_values_are_written_as_the_reader_writes_them(body, english, german):
    assert _filled(body, ("en",)) == english
    assert _filled(body, ("de",)) == german


def test_numbers_follow_the_customers_country_in_the_templates_language():
    assert _filled("{{ order.total }}", ("de-CH", "de", "en")) == "EUR\xa01\u2019234.50"
    assert _filled("{{ order.total }}", ("pt-BR", "pt", "en")) == "€1,234.50"


def test_plural_forms_are_those_of_the_language():
    body = "Subject: x\n\n{% for n in [1, 3, 5] %}{{ n | plural(one='# a', few='# b', other='# c') }} {% endfor %}"
    assert render({"t.pl.txt": body}, "t", ("pl",), values()).text == "1 a 3 b 5 c\n"


@pytest.mark.parametrize(("currency", "text"), [("JPY", "¥1,200"), ("KWD", "KWD1.200"), ("EUR", "€12.00")])
def test_minor_units_are_those_of_the_currency(currency, text):
    assert _filled("{{ order.total | money }}", order__total=Money(1200, currency)) == text


def test_an_instant_is_told_in_the_customers_zone():
    late = datetime(2024, 6, 1, 2, 0, tzinfo=UTC)
    body = "{{ order.placed_at | date }}"
    assert _filled(body, order__placed_at=late, customer__zone="America/Sao_Paulo") == "May 31, 2024"
    assert _filled(body, order__placed_at=late, customer__zone="No/Such_Zone") == "June 1, 2024"


def test_an_unknown_value_has_a_default_and_can_be_asked_for():
    body = "{{ customer.given_name | default('you') }} {% if customer.given_name %}known{% else %}unknown{% endif %}"
    assert _filled(body, customer__given_name=None) == "you unknown"
    assert _filled(body) == "Anna known"


def test_a_decimal_attribute_is_a_number():
    templates = {"t.en.txt": "Subject: x\n\n{{ attributes.score + 1 }} {{ attributes.score | number(1) }}"}
    assert render(templates, "t", ("en",), values(attributes__score=Decimal("2.50"))).text == "3.5 2.5\n"


def test_macros_blocks_includes_and_loops_are_there():
    templates = {
        "_m.en.txt": "{% macro line(a, b) %}{{ a }}: {{ b }}{% endmacro %}",
        "_base.en.txt": "<{% block x %}base{% endblock %}>{{ self.x() }}",
        "t.en.txt": "Subject: x\n\n{% extends '_base.en.txt' %}{% from '_m.en.txt' import line %}"
        "{% block x %}{% for w in ['a', 'b'] %}{{ line(loop.index, w) }}{% if not loop.last %}, {% endif %}"
        "{% endfor %}{{ ' ' ~ super() }}{% endblock %}",
    }
    assert render(templates, "t", ("en",), values()).text == "<1: a, 2: b base>1: a, 2: b base\n"


# --- errors an author can use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "code", "found", "hint"),
    [
        ("a\n{{ customer.given_nam }}", 4, "template-variable-unknown", "given_nam", "did you mean given_name?"),
        ("{{ custmer.zone }}", 3, "template-variable-unknown", "custmer", "did you mean customer?"),
        ("{{ order.numbr | default('x') }}", 3, "template-variable-unknown", "numbr", "did you mean number?"),
        ("{% if order.paid %}x{% endif %}", 3, "template-variable-unknown", "paid", ""),
        ("{{ order.total.curency }}", 3, "template-variable-unknown", "curency", ""),
        ("\n\n{{ order.estimated_at }}", 5, "template-value", "unknown for this customer", "default"),
        ("{{ order.estimated_at | date }}", 3, "template-value", "unknown for this customer", "default"),
        ("{{ order.number | money }}", 3, "template-value", "a text", "filter"),
        ("{{ order.placed_at }}", 3, "template-value", "datetime", "filter"),
        ("{{ order }}", 3, "template-value", "a group of values", ""),
        ("{{ true }}", 3, "template-value", "true or false", ""),
        ("{{ order.total + 1 }}", 3, "template-value", "Money beside +", ""),
        ("{{ 1 | plural(one='x') }}", 3, "template-value", "plural(one)", ""),
        ("{{ 1 | number(10) }}", 3, "template-value", "digits", ""),
        ("{{ order.placed_at | date('longest') }}", 3, "template-value", "width", ""),
        ("{% for c in order.number %}{% endfor %}", 3, "template-value", "a text", ""),
        ("x\n{% if customer %}", 4, "template-syntax", "endif", "marked line"),
        ("{{ order.number | foo }}", 3, "template-syntax", "foo", "marked line"),
        ("{{ 1 / 0 }}", 3, "template-failed", "ZeroDivisionError", ""),
        ("{% include 'nope.txt' %}", 3, "template-missing", "nope.txt", ""),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_to_do(body, line, code, found, hint):
    error = _refusal(body)
    assert (error.code, error.file, error.line) == (code, "t.en.txt", line)
    assert found in error.found
    assert hint in error.hint
    assert error.quote.strip()
    assert error.quote.strip() in str(error)


def test_a_mistake_in_an_included_file_is_told_there():
    error = _refusal("{% include '_part.en.txt' %}", **{"_part.en": "fine\n{{ nothing }}\n"})
    assert (error.file, error.line) == ("_part.en.txt", 2)


def test_a_mistake_in_the_subject_is_on_the_first_line():
    error = _missing({"t.en.txt": "Subject: {{ nope }}\n\nx"}, "t")
    assert (error.code, error.file, error.line) == ("template-variable-unknown", "t.en.txt", 1)


def test_an_error_never_holds_a_customers_value():
    secret = "Xq7-private"
    bodies = [
        "{{ customer.given_name | money }}",
        "{{ customer.given_name + 1 }}",
        "{{ customer.given_name.upper() }}",
        "{{ customer[customer.given_name] }}",
        "{% include customer.given_name %}",
        "{{ customer.given_name | int(base=99) }}",
        "{{ customer.given_name }}",
        "see javascript:{{ customer.given_name }}",
        "{% for x in customer.given_name %}{% endfor %}",
        "{{ order.placed_at | date(customer.given_name) }}",
    ]
    for body in bodies:
        templates = {"t.en.txt": HEAD + body, "t.en.mjml": f"<mjml>{'{{ customer.given_name }}'}<"}
        with pytest.raises(TemplateError) as caught:
            render(templates, "t", ("en",), values(customer__given_name=secret))
        assert secret not in str(caught.value), body
        assert caught.value.__cause__ is None


def test_a_template_that_fails_for_one_customer_works_for_the_next():
    templates = {"t.en.txt": HEAD + "{{ order.total | money }}"}
    with pytest.raises(TemplateError):
        render(templates, "t", ("en",), values(order__total=None))
    assert render(templates, "t", ("en",), values()).text == "€1,234.50\n"


# --- leaving the sandbox --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ customer.__class__ }}",
        "{{ customer['__class__'] }}",
        "{{ (1).__class__ }}",
        "{{ order.total.__class__ }}",
        "{{ order.total.parse('1 EUR') }}",
        "{{ order.placed_at.__reduce__ }}",
        "{{ range.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{% for i in [1] %}{{ loop.__init__ }}{% endfor %}",
        "{% for i in [1] %}{{ loop.cycle.__func__ }}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m.__call__ }}",
        "{{ customer.items() }}",
        "{{ customer.pop('zone') }}",
        "{{ 'a'.format() }}",
        "{{ '{0.__class__}'.format(order) }}",
        "{{ '%s' % order }}",
        "{{ cycler }}",
        "{{ joiner }}",
        "{{ lipsum() }}",
        "{{ namespace(a=1) }}",
        "{{ dict(a=1) }}",
        "{{ customer | attr('zone') }}",
        "{{ customer | map('upper') }}",
        "{{ '<b>' | safe }}",
        "{{ [1] | _turns }}",
        "{{ [customer] | tojson }}",
        "{{ customer | pprint }}",
        "{% autoescape false %}{% endautoescape %}",
        "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(1) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ range(*[1]) }}",
        "{% import 'os' as os %}",
        "{% include '/etc/passwd' %}",
        "{% include '../t.en.txt' %}",
        "{{ get_flashed_messages }}",
        "{{ request }}",
        "{{ config }}",
    ],
)
def test_nothing_but_the_values_can_be_reached(body):
    error = _refusal(body)
    assert error.code in {
        "template-variable-unknown",
        "template-not-allowed",
        "template-syntax",
        "template-value",
        "template-missing",
    }


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% for i in range(100000) %}{% endfor %}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% include 't.en.txt' %}{% include 't.en.txt' %}",
        "{% extends 't.en.txt' %}",
        "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
        "{% set x = 'aaaaaaaa' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
        "{% set x = 'aaaaaaaa' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
        "{% set x = [1, 2] %}" + "{% set x = x + x %}" * 60,
        "{% set x = [1] %}{% set y = [1] %}"
        + "{% set x = [x, x] %}{% set y = [y, y] %}" * 22
        + "{% if x == y %}{% endif %}",
        "{% set x %}{% for i in range(9999) %}" + "a" * 100_000 + "{% endfor %}{% endset %}",
        "{% set x = 'a' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60,
        "{% set x = 'a' %}" + "{% set x = [x, x] | join %}" * 60,
        "{% set x = 999999999 %}" + "{% set x = x * x %}" * 60,
        "{% for i in range(9999) %}" + "{{ order.number }} and so on and so forth. " * 10 + "{% endfor %}",
        "{{ 'x' * 10**10 }}",
        "{{ [1] * 10**10 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ 'x'.center(10**9) }}",
        "{{ 'x' | center(10**9) }}",
        "{{ range(99999) | list | join(',') }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 20000 + "1 }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        "{{ 1 }}" * 40000,
    ],
)
def test_no_template_runs_or_grows_without_end(body):
    began = time.monotonic()
    error = _refusal(body)
    assert time.monotonic() - began < 5
    assert error.code in {"template-too-much", "template-not-allowed", "template-value", "template-syntax",
                          "template-variable-unknown", "template-failed"}  # fmt: skip


def test_a_value_too_long_for_a_message_is_refused():
    with pytest.raises(TemplateError, match="template-too-much"):
        _filled("{{ customer.given_name }}", customer__given_name="a" * 300_000)


def test_a_slow_template_meets_its_deadline(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("engine.messages.budget.time.monotonic", lambda: next(clock))
    error = _refusal("{% for i in range(50) %}{% endfor %}")
    assert (error.code, error.found) == ("template-too-much", "more than 2 seconds")


# --- HTML -----------------------------------------------------------------------------------------------------------


def test_values_are_escaped_in_html_and_not_in_text():
    templates = {"t.en.txt": HEAD + "{{ customer.given_name }}", "t.en.mjml": _page("{{ customer.given_name }}")}
    message = render(templates, "t", ("en",), values(customer__given_name="<b onclick=x>A&B</b>"))
    assert message.text == "<b onclick=x>A&B</b>\n"
    assert "&lt;b onclick=x&gt;A&amp;B&lt;/b&gt;" in (message.html or "")


def test_a_text_included_in_html_is_escaped_too():
    templates = {
        "t.en.txt": HEAD + "x",
        "_p.en.txt": "{{ customer.given_name }}",
        "t.en.mjml": _page("{% include '_p.en.txt' %}"),
    }
    assert "&lt;i&gt;" in (render(templates, "t", ("en",), values(customer__given_name="<i>")).html or "")


def test_a_value_cannot_leave_its_attribute():
    html = _html('<a href="https://x.example/?q={{ order.number }}">x</a>', order__number='" onmouseover="x')
    assert 'onmouseover="x' not in html
    assert "&#34; onmouseover=&#34;x" in html


@pytest.mark.parametrize(
    ("mjml", "found"),
    [
        ("", "unable"),
        ("hello", "unable"),
        ("<mjml><mj-body>", "end"),
        ("<mjml><mj-body></mjml>", ""),
        ("<mjml><mj-body><mj-foo /></mj-body></mjml>", "the element mj-foo"),
        ("<mjml><mj-body><mj-include path='/etc/passwd' /></mj-body></mjml>", "include"),
        ("<mjml><mj-body>" + "<mj-wrapper>" * 5000 + "</mj-wrapper>" * 5000 + "</mj-body></mjml>", "within each other"),
        ("<mjml><mj-body>{% for i in range(4000) %}<mj-wrapper>{% endfor %}</mj-body></mjml>", "within each other"),
        ("<mjml><mj-body>" + "<mj-wrapper a='/>'>" * 5000 + "</mj-body></mjml>", "within each other"),
        ("<mjml><mj-body>" + "<mj-wrapper a='</mj-wrapper>'>" * 3000 + "</mj-body></mjml>", "within each other"),
        ("<mjml><mj-body><mj-section>" + "<mj-column/>" * 9000 + "</mj-section></mj-body></mjml>", "KB of HTML"),
    ],
    ids=range(11),
)
def test_broken_mjml_is_refused(mjml, found):
    error = _refusal("x", mjml)
    assert error.code in {"template-mjml", "template-too-much"}
    assert error.file == "t.en.mjml"
    assert found in error.found


def test_an_unknown_element_is_told_with_its_line():
    error = _refusal("x", "<mjml>\n<mj-body>\n  <mj-bottom>\n</mj-bottom></mj-body></mjml>")
    assert (error.file, error.line, error.quote) == ("t.en.mjml", 3, "  <mj-bottom>")


def test_html_fetches_nothing():
    html = _html("<b>hello</b>")
    assert "@import" not in html
    assert "<link" not in html
    assert "fonts.googleapis" not in html


@pytest.mark.parametrize(
    "body",
    [
        '<a href="javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt:alert(1)">x</a>',
        '<a href="java&#10;script:alert(1)">x</a>',
        '<a href=" &#1;javascript:alert(1)">x</a>',
        '<a href="&#106;avascript:alert(1)">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<a href="vbscript:x">x</a>',
        '<a href="file:///etc/passwd">x</a>',
        '<a href="//other.example">x</a>',
        '<a href="/relative">x</a>',
        '<a href="">x</a>',
        '<img src="data:image/png;base64,x" />',
        '<a href="{{ order.number }}">x</a>',
        "<script>alert(1)</script>",
        '<iframe src="https://x.example"></iframe>',
        '<form action="https://x.example"></form>',
        '<p onclick="x">x</p>',
        '<p style="background: url(javascript:x)">x</p>',
        '<style>@import "https://x.example";</style>',
        '<meta http-equiv="refresh" content="0; url=https://x.example" />',
    ],
)
def test_a_link_that_runs_or_leads_astray_is_refused(body):
    error = _refusal("x", _page(body))
    assert (error.code, error.file) == ("template-link", "t.en.mjml")


def test_a_link_made_of_a_value_is_looked_at_too():
    templates = {"t.en.txt": HEAD + "x", "t.en.mjml": _page('<a href="{{ order.number }}">x</a>')}
    with pytest.raises(TemplateError, match="javascript"):
        render(templates, "t", ("en",), values(order__number="javascript:alert(document.cookie)"))


def test_a_link_hidden_for_outlook_is_looked_at_too():
    page = "<mjml><mj-body><mj-raw><!--[if mso]><a href='javascript:x'>x</a><![endif]--></mj-raw></mj-body></mjml>"
    assert _refusal("x", page).code == "template-link"


@pytest.mark.parametrize("link", ["https://x.example/a?b=1&amp;c=2", "http://x.example", "mailto:a@x.example", "#top"])
def test_a_good_link_stays(link):
    assert f'href="{link}"' in _html(f'<a href="{link}">x</a>')


@pytest.mark.parametrize("text", ["javascript:alert(1)", "see DATA:text/html,x", "ftp://x.example", "file:///etc"])
def test_a_bad_link_in_a_text_is_refused(text):
    assert _refusal(text).code == "template-link"


@pytest.mark.parametrize("text", ["Note: pay at https://x.example", "Data: none", "mailto:a@x.example", "at 10:30"])
def test_words_with_a_colon_are_no_links(text):
    assert _filled(text) == text


# --- subjects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1\r\nBcc: x@y.example", "1\nBcc: x", "1\rX", "1\u2028X", "1\x00\x85X", "1\t\tX"])
def test_a_subject_is_one_line_whatever_is_filled_in(number):
    subject = render({"t.en.txt": HEAD + "x"}, "t", ("en",), values(order__number=number)).subject
    assert subject.startswith("About 1 ")
    assert subject.isprintable()


@pytest.mark.parametrize("number", ["", "a" * 500])
def test_a_subject_that_is_empty_or_endless_is_refused(number):
    with pytest.raises(TemplateError, match="template-subject"):
        render({"t.en.txt": "Subject: {{ order.number }}\n\nx"}, "t", ("en",), values(order__number=number))
