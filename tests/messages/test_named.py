"""Which attributes are looked up for a message."""

from engine.messages.named import attributes_named

FILES = {
    "rules/templates/due.en.txt": 'Subject: Due\n\n{{ attributes.title }}\n{% include "_end.txt" %}',
    "rules/templates/due.en.mjml": '{%- extends "_frame.mjml" %}',
    "rules/templates/_frame.mjml": "{{ attributes.tier_name }}",
    "rules/templates/_end.txt": "{{ attributes.age }}",
    "rules/templates/due-again.en.txt": "Subject: Due\n\n{{ attributes.other }}",
}


def test_a_message_names_what_its_files_and_their_parts_name():
    assert attributes_named(FILES, "due") == {"title", "tier_name", "age"}


def test_parts_that_include_each_other_are_read_once():
    circle = {"a.en.txt": '{% include "_b" %}', "_b": '{{ attributes.one }}{% include "_b" %}{% include "_gone" %}'}
    assert attributes_named(circle, "a") == {"one"}


def test_a_part_whose_name_is_computed_may_be_any():
    files = {**FILES, "any.en.txt": "{% include part %}"}
    assert attributes_named(files, "any") == {"title", "tier_name", "age", "other"}
