"""Short texts: no subject, no HTML, few segments."""

import pytest

from engine.language.rules import compile_rules
from engine.messages.check_rules import template_issues
from engine.messages.errors import TemplateError
from engine.messages.message import Rendered
from engine.messages.render import render_short
from tests.messages.shop import values
from tests.workflows.rules import HEAD, POLICY, TEMPLATES

SMS = '    sms: {provider: sms, request: {body: {to: "{{ recipient }}", text: "{{ text }}"}}}\n'
STEPS = "steps:\n  - send: {{id: first, channel: {channel}, template: reminder}}\n"


def filled(source: str, chain: tuple[str, ...] = ("en",)) -> Rendered:
    return render_short({"t.en.sms": source, "t.de.sms": "Hallo"}, "t", chain, values())


def refused(source: str, **more: str) -> str:
    with pytest.raises(TemplateError) as caught:
        render_short({"t.en.sms": source, **more}, "t", ("en",), values())
    return caught.value.code


def test_a_short_text_is_its_words_alone():
    assert filled("\n{{ order.number }}: {{ order.total | money }}\n\n\n\nSubject: x\n") == Rendered(
        "", "1001: €1,234.50\n\nSubject: x", None, "en"
    )
    assert filled("x", ("de-AT", "de", "en")).locale == "de"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (" \n", "template-short-text"),
        ("a" * 1531, "template-short-text"),
        ("{{ order.numbr }}", "template-variable-unknown"),
        ("javascript:alert(1)", "template-link"),
    ],
)
def test_a_short_text_that_cannot_be_sent_is_refused(source, code):
    assert refused(source) == code


def test_the_file_of_another_form_is_no_short_text():
    with pytest.raises(TemplateError) as caught:
        render_short({"t.en.txt": "Subject: x\n\nx", "s.en.sms": "x"}, "t", ("en",), values())
    assert (caught.value.code, caught.value.file, caught.value.hint) == (
        "template-missing", "t.en.sms", "add the file to rules/templates/, or name one that is there",
    )  # fmt: skip


def issues(channel: str, **templates: str) -> list[tuple[str, str, str]]:
    files = {"policy.yaml": POLICY + SMS, "playbooks/p.yaml": HEAD + STEPS.format(channel=channel)}
    files |= {f"templates/{name.replace('_', '.')}": text for name, text in templates.items()}
    return [(issue.code, issue.expected, issue.hint) for issue in compile_rules(files).issues]


TXT = TEMPLATES["templates/reminder.en.txt"]


def test_a_channel_of_short_texts_needs_the_templates_short_text():
    wanted = "a template: rules/templates/reminder.en.sms"
    assert issues("sms", reminder_en_txt=TXT) == [("RG306", wanted, "")]
    assert issues("[sms, email]", reminder_en_txt=TXT) == [("RG306", wanted, "")]
    assert issues("sms", reminder_de_sms="x") == [("RG306", wanted, "add reminder.en.sms to rules/templates")]
    assert issues("sms", reminder_en_sms="x") == []
    assert issues("[sms, email]", reminder_en_sms="x", reminder_en_txt=TXT) == []
    assert issues("[sms, email]", reminder_en_sms="x")[0][1] == "a template: rules/templates/reminder.en.txt"


def test_a_short_text_is_tried_when_the_rules_are_checked():
    files = {"policy.yaml": POLICY + SMS, "playbooks/p.yaml": HEAD + STEPS.format(channel="sms")}
    files["templates/reminder.en.sms"] = "Hello {{ customer.given_name }}"
    assert [(issue.code, issue.file) for issue in template_issues(compile_rules(files))] == [
        ("RG801", "templates/reminder.en.sms")
    ]
