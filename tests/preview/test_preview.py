"""Every message of a playbook, filled in with examples: no server is needed."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.language.rules import Rules, compile_rules, load_rules
from engine.preview.fill import Filling
from engine.preview.letters import letters_of
from engine.preview.page import index_of, write_pages
from engine.preview.shown import Preview, preview_of
from engine.preview.text import text_of
from tests.docs.pages import ROOT

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_IN, _OUT = "<mj-section><mj-column><mj-text>", "</mj-text></mj-column></mj-section>"
FILES = {
    "policy.yaml": """
policy:
  zone: UTC
  locale: en
  purposes: {marketing: {consent: opt_in}}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>"}
    sms: {provider: mailbox, address: phone, form: sms}
""",
    "attributes.yaml": """
attributes:
  buyer: {title: New buyer, type: boolean, none: orders, where: {paid: true}}
""",
    "coupons.yaml": "coupons: {gifts: {title: Gifts}}\n",
    "playbooks/all.yaml": """
playbook: all
title: Everything & more
for: order
status: draft
start: {event: order.placed}
controls: {purpose: marketing}
steps:
  - coupon: {id: gift, pool: gifts, expires: 14d}
  - send:
      id: first
      channel: [push, sms, email]
      template: {by: buyer, "true": welcome, default: hello}
  - if: {buyer: true}
    then:
      - split: {id: wording, shares: {short: 50%, none: 50%}}
        arms: {short: [{send: {id: short, channel: email, template: hello}}]}
""",
    "templates/welcome.en.txt": "Subject: Welcome {{ customer.given_name }}\n\nYour code: {{ coupon.code }}\n",
    "templates/welcome.en.mjml": f"<mjml><mj-body>{_IN}Hi &amp; welcome{_OUT}</mj-body></mjml>",
    "templates/welcome.de.txt": "Subject: Willkommen\n\nIhr Code: {{ coupon.code }}\n",
    "templates/welcome.en.sms": "Welcome! Your order {{ order.number }} is on its way. {{ shop.name }}",
    "templates/welcome.de.sms": "Schön, dass Sie da sind → Ihr Paket ist unterwegs",
    "templates/hello.en.txt": "Subject: Hello\n\nHow are you? Buyer: {{ attributes.buyer | default('unknown') }}\n",
    "templates/hello.en.sms": "Hello",
}  # fmt: skip


def rules(**more: str) -> Rules:
    return compile_rules({**FILES, **more})


def preview(of: Rules, *locales: str, playbook: str = "all") -> Preview:
    filling, plan = Filling(of, NOW), of.plans[playbook]
    return preview_of(plan, filling, filling.recipient(plan, None), locales or None)


def test_there_is_a_message_for_each_step_wording_and_form():
    found = rules()
    letters = [
        (each.step, each.form, each.channels, each.template, each.when)
        for each in letters_of(found.plans["all"], found.policy)
    ]
    assert letters == [
        ("first", "sms", ("sms",), "welcome", "buyer is true"),
        ("first", "sms", ("sms",), "hello", "buyer is anything else"),
        ("first", "mail", ("email",), "welcome", "buyer is true"),
        ("first", "mail", ("email",), "hello", "buyer is anything else"),
        ("short", "mail", ("email",), "hello", ""),
    ]


def test_a_wording_is_for_its_values_and_the_other_one_for_all_others():
    found = rules()
    welcome, hello, *_ = letters_of(found.plans["all"], found.policy)
    assert [welcome.is_for({"buyer": value}) for value in (True, False, None)] == [True, False, False]
    assert [hello.is_for({"buyer": value}) for value in (True, False, None)] == [False, True, True]


def test_messages_are_filled_in_with_examples_that_are_named():
    shown = preview(rules(), "en")
    sms, _, mail, hello, _ = shown.messages
    assert sms.rendered is not None
    assert sms.rendered.text == "Welcome! Your order EXAMPLE-1 is on its way. Example Shop"
    assert sms.examples == ("order.number", "shop.name")
    assert mail.rendered is not None
    assert mail.rendered.subject == "Welcome Example"
    assert mail.rendered.text == "Your code: EXAMPLE-CODE\n"
    assert "Hi &amp; welcome" in (mail.rendered.html or "")
    assert mail.examples == ("coupon.code", "customer.given_name")
    assert hello.rendered is not None
    assert hello.rendered.text == "How are you? Buyer: unknown\n"
    assert hello.examples == ()
    assert shown.recipient.who == "an example"
    assert {each.gets_it for each in shown.messages} == {None}
    assert shown.passed_over == ("push",)


def test_a_coupon_is_good_until_the_step_says():
    text = FILES["templates/welcome.en.txt"] + "until {{ coupon.last_day | date('short') }} of {{ coupon.pool }}\n"
    shown = preview(rules(**{"templates/welcome.en.txt": text}), "en")
    assert "until 3/16/26 of gifts" in text_of(shown)


def test_how_long_a_short_text_is_stands_beside_it_with_what_makes_it_long():
    text = text_of(preview(rules(), "en", "de"))
    assert "GSM-7, 57 characters, 1 segment" in text
    assert "UCS-2, 49 characters, 1 segment; UCS-2 because of →" in text
    euros = text_of(preview(rules(**{"templates/hello.en.sms": "€" * 100}), "en"))
    assert "GSM-7, 100 characters (200 units), 2 segments" in euros


def test_a_text_that_is_missing_in_a_language_is_told_where_the_playbook_names_it():
    shown = preview(rules(), "en", "de")
    assert [(each.code, each.file, each.line, each.found, each.expected) for each in shown.issues] == [
        ("RG306", "playbooks/all.yaml", 13, "hello, without a text in de", "rules/templates/hello.de.sms"),
        ("RG306", "playbooks/all.yaml", 13, "hello, without a text in de", "rules/templates/hello.de.txt"),
        ("RG306", "playbooks/all.yaml", 17, "hello, without a text in de", "rules/templates/hello.de.txt"),
    ]
    line = FILES["playbooks/all.yaml"].splitlines()[12]
    assert line[shown.issues[0].column - 1 :].startswith("hello}")
    assert shown.issues[0].hint == "until it is there, customers who read de get en"
    assert "template hello in en, as there is none in de" in text_of(shown)
    # Unasked it is told too: some of the playbook's messages are there in German.
    assert [each.expected for each in preview(rules()).issues] == [each.expected for each in shown.issues]
    assert preview(rules(), "en").issues == ()


def test_a_regional_language_is_served_by_its_own():
    assert [each.locale for each in preview(rules(), "en-GB").messages] == ["en-GB"] * 5
    assert preview(rules(), "en-GB").issues == ()
    assert "as there is none" not in text_of(preview(rules(), "en-GB"))


def test_what_a_template_names_and_there_is_not_is_told_at_its_line_and_the_others_are_shown():
    broken = "Subject: Hello\n\nHow are you?\n{{ custommer.given_name }}\n"
    shown = preview(rules(**{"templates/hello.en.txt": broken}), "en")
    assert [(each.code, each.file, each.line) for each in shown.issues] == [("RG801", "templates/hello.en.txt", 4)]
    assert "did you mean customer?" in shown.issues[0].hint
    assert [each.rendered is None for each in shown.messages] == [False, False, False, True, True]
    assert "cannot be filled in: templates/hello.en.txt:4" in text_of(shown)


def test_the_page_has_every_message_and_marks_what_is_an_example(tmp_path: Path):
    write_pages(preview(rules(), "en"), tmp_path)
    page = (tmp_path / "index.html").read_text()
    names = {path.name for path in tmp_path.iterdir()} - {"index.html"}
    assert names == {
        "first.sms.welcome.en.txt", "first.sms.hello.en.txt", "first.email.welcome.en.txt",
        "first.email.welcome.en.html", "first.email.hello.en.txt", "short.email.hello.en.txt",
    }  # fmt: skip
    assert (
        tmp_path / "first.email.welcome.en.txt"
    ).read_text() == "Subject: Welcome Example\n\nYour code: EXAMPLE-CODE\n"
    assert set(re.findall(r'(?:href|src)="([^"#]+)"', page)) == names
    assert "<title>Everything &amp; more: every message</title>" in page
    assert '<p class="example">Example values, not the shop&#x27;s: coupon, customer, order, shop.</p>' in page
    assert '<li class="example">example values in it: order.number, shop.name</li>' in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "<script" not in page
    assert page.count('sandbox loading="lazy"') == 1
    assert page.count("<svg") == 1


def test_what_is_wrong_stands_on_the_page():
    page = index_of(preview(rules(), "de"))
    assert '<p class="wrong">playbooks/all.yaml:13: found hello, without a text in de, expected' in page


def test_a_playbook_without_messages_says_so():
    silent = FILES["playbooks/all.yaml"].partition("steps:")[0] + "steps:\n  - wait: 1d\n"
    shown = preview(rules(**{"playbooks/all.yaml": silent}))
    assert "It sends no message." in text_of(shown)
    assert "<p>It sends no message.</p>" in index_of(shown)


@pytest.mark.parametrize("name", [*load_rules(ROOT / "rules").plans, *load_rules(ROOT / "rules").campaigns])
def test_every_shipped_message_can_be_shown_in_every_language(name: str):
    shipped = load_rules(ROOT / "rules")
    plan = shipped.plan(name)
    assert plan is not None
    filling = Filling(replace(shipped), NOW)
    shown = preview_of(plan, filling, filling.recipient(plan, None), ("en", "de"))
    assert shown.issues == ()
    assert all(each.rendered is not None for each in shown.messages)
