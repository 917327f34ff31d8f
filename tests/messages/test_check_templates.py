"""Templates are tried when the rules are checked, not when the first customer meets them."""

import pytest

from engine.messages.check import sample_values, template_errors
from engine.messages.values import VARIABLES
from tests.messages.shop import shipped

HEAD = "Subject: About {{ order.number }}\n\n"


def test_the_shipped_templates_are_sound():
    assert template_errors(shipped()) == []


@pytest.mark.parametrize("known", [True, False])
def test_the_invented_values_are_those_that_there_are(known):
    for group, names in VARIABLES.items():
        if names:
            assert set(sample_values(known=known)[group]) == set(names)


def test_a_greeting_that_needs_a_name_is_found_before_a_customer_without_one():
    (error,) = template_errors({"a.en.txt": HEAD + "Hello\n{{ customer.given_name }}"})
    assert (error.code, error.file, error.line) == ("template-value", "a.en.txt", 4)
    assert "default" in error.hint


def test_every_broken_template_is_told_once():
    templates = {
        "a.en.txt": HEAD + "{{ order.numbr }}",
        "b.de.txt": HEAD + "{% if order.total %}{{ order.totl }}{% endif %}",
        "b.en.txt": "no header",
        "c.en.txt": HEAD + "{% include '_c.txt' %}",
        "d.en.txt": HEAD + "{% include '_c.txt' %}",
        "_c.txt": "{{ nothing }}",
        "e.en.txt": HEAD + "fine",
        "e.en.mjml": "<mjml>",
        "f.en.txt": HEAD + "{{ attributes.known | default(0) }} {{ attributes.unknwn }}",
    }
    assert [(error.file, error.line) for error in template_errors(templates, ["known", "unknown"])] == [
        ("_c.txt", 1),
        ("a.en.txt", 3),
        ("b.de.txt", 3),
        ("b.en.txt", 1),
        ("e.en.mjml", 0),
        ("f.en.txt", 3),
    ]
