"""Templates judged beside the rules that use them."""

from engine.language.rules import compile_rules
from engine.messages.check_rules import template_issues
from tests.language.shop import SHOP, playbook


def codes(files):
    return [(issue.code, issue.file, issue.line) for issue in template_issues(compile_rules(files))]


def test_sound_templates_have_no_issues():
    assert codes(SHOP) == []


def test_a_misspelt_variable_is_told_at_its_line():
    assert codes({**SHOP, "templates/unpaid.en.txt": "Subject: Hello\n\n{{ customer.given_nam }}\n"}) == [
        ("RG801", "templates/unpaid.en.txt", 3)
    ]


def test_a_template_of_a_customers_playbook_cannot_name_an_order():
    texts = {"templates/unpaid.en.txt": "Subject: Hello\n\nOrder {{ order.number }}\n"}
    assert codes({**SHOP, **texts}) == []
    steps = "  - send: {channel: email, template: unpaid}\n"
    head = "for: customer\nstart: {event: site.visit}\n"
    assert codes({**playbook(steps, head), **texts}) == [("RG802", "templates/unpaid.en.txt", 3)]


def test_templates_may_name_attributes_and_standing():
    text = "Subject: Hello\n\n{{ attributes.country | default('x') }} {{ attributes.tags | default('y') }}"
    assert codes({**SHOP, "templates/unpaid.en.txt": text}) == []


def test_a_request_that_cannot_be_filled_in_is_told_with_its_line():
    policy = """\
policy:
  channels:
    push:
      provider: http
      request:
        body:
          to: "{{ recipient }}"
          lines: ["{{ txt }}", "{{ text | sorted }}", "{% include 'x' %}", 7]
"""
    assert codes({"policy.yaml": policy}) == [("RG803", "policy.yaml", 8)] * 3
    for wrong, right in (("txt", "text"), (" | sorted", ""), ("% include 'x' %", "{ key }")):
        policy = policy.replace(wrong, right)
    assert codes({"policy.yaml": policy}) == []
