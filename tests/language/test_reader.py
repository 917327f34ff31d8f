"""Any text gives located values or located issues."""

from decimal import Decimal

import pytest

from engine.language.issues import MOST_SHOWN, Report
from engine.language.located import Mapping, plain
from engine.language.reader import lines, read


def value(text):
    report = Report("x.yaml")
    tree = read(text, report)
    assert report.issues == []
    return plain(tree)


def issues(text):
    report = Report("x.yaml")
    read(text, report)
    return [(issue.code, issue.line, issue.column) for issue in report.issues]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o10", "0o10"),
        ("0x1F", "0x1F"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("1:30", "1:30"),
        ("2018-01-08", "2018-01-08"),
        ("2018-01-08T00:00:00Z", "2018-01-08T00:00:00Z"),
        ("4.50", Decimal("4.50")),
        (".5", ".5"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1.2.3", "1.2.3"),
        ("123456789012345678", 123456789012345678),
        ("1234567890123456789", "1234567890123456789"),
        ("9" * 5000, "9" * 5000),
        ("'010'", "010"),
        ('"true"', "true"),
        ("''", ""),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_a_scalar_means_what_yaml_1_2_and_nothing_else_says(text, expected):
    got = value(f"key: {text}")["key"]
    assert got == expected
    assert type(got) is type(expected)


def test_keys_are_text_as_written():
    assert value("{true: a, 5: b, NO: c, 010: d}") == {"true": "a", "5": "b", "NO": "c", "010": "d"}


def test_a_block_text_keeps_its_lines():
    assert value("a: |\n  one\n  two\n") == {"a": "one\ntwo\n"}


def test_a_byte_order_mark_is_no_part_of_the_text_and_moves_no_column():
    report = Report("x")
    tree = read("\ufeffkey: 1\nkey: 2", report)
    assert plain(tree) == {"key": 1}
    assert tree.entries[0].span.column == 1


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_however_they_end(newline):
    assert issues(newline.join(["a: 1", "b: 2", "a: 3"])) == [("RG109", 3, 1)]


def test_columns_are_counted_in_characters():
    assert issues("{größe: 1, 尺寸: 2, größe: 3}") == [("RG109", 1, 19)]
    assert issues("{👟: 1, a: 2, a: 3}") == [("RG109", 1, 14)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2", [("RG109", 2, 17), ("RG109", 3, 1)]),
        ("a: &x 1\nb: *x", [("RG106", 1, 4), ("RG106", 2, 4)]),
        ("a: &x {b: 1}\nc:\n  <<: *x", [("RG106", 1, 4), ("RG106", 3, 7)]),
        ("a: !!str 1", [("RG107", 1, 4)]),
        ("a: !python/object:os.system {}", [("RG107", 1, 4)]),
        ("!!map {a: 1}", [("RG107", 1, 1)]),
        ("a: 1\n---\nb: 2", [("RG108", 2, 1)]),
        ("? [a, b]\n: c", [("RG110", 1, 3)]),
        ("? {a: b}\n: c", [("RG110", 1, 3)]),
        ("'': c", [("RG110", 1, 1)]),
        ("a: b: c", [("RG103", 1, 5)]),
        ("a:\n\t- b", [("RG103", 2, 1)]),
        ("a: [1, 2", [("RG103", 1, 9)]),
        ("a: 'open", [("RG103", 1, 9)]),
        ("a: 1\n b: 2", [("RG103", 2, 3)]),
        ("a: @b", [("RG103", 1, 4)]),
        ('a: "\\q"', [("RG103", 1, 6)]),
        ('a: "\\U99999999"', [("RG103", 1, 7)]),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", [("RG103", 1, 9)]),
        ("a: \x00", [("RG102", 1, 4)]),
        ("a: 1\nb: x\x1by", [("RG102", 2, 5)]),
        ('a: "\\0"', [("RG102", 1, 4)]),
        ('a: "\\ud800"', [("RG102", 1, 4)]),
        ("a: b\udcff", [("RG101", 1, 5)]),
    ],
)
def test_what_rules_do_not_use_is_refused_at_its_place(text, expected):
    assert issues(text) == expected


def test_utf_16_is_told_as_an_encoding():
    data = "attributes: {}".encode("utf-16")
    assert issues(data.decode("utf-8", "surrogateescape")) == [("RG101", 1, 1)]


def test_utf_16_without_a_mark_is_told_too():
    data = "attributes: {}".encode("utf-16-be")
    assert issues(data.decode("utf-8", "surrogateescape")) == [("RG102", 1, 1)]


def test_latin_1_is_told_with_the_place_of_its_first_letter():
    data = "title: Prämie".encode("latin-1")
    assert issues(data.decode("utf-8", "surrogateescape")) == [("RG101", 1, 10)]


def test_a_hundred_levels_are_read_and_one_more_is_refused():
    assert issues("[" * 100 + "]" * 100) == []
    assert issues("[" * 101 + "]" * 101) == [("RG105", 1, 101)]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * 1_000_001,
        "a: " + "ä" * 500_001,
        "[" * 900_000,
        "- " * 400_000,
        "{a: " * 200_000,
        "? " * 400_000,
        "".join(f"a{number}: b\n" for number in range(80_000)),
        "a: '" + "x\n\n" * 300_000,
        "%" + "a" * 900_000,
    ],
    ids=lambda text: text[:8],
)
def test_huge_texts_end_soon_with_one_issue(text):
    assert len(issues(text)) == 1


def test_of_thousands_of_mistakes_the_first_are_told_and_all_are_counted():
    report = Report("x")
    read("a: b\n" * 5000, report)
    assert len(report.issues) == MOST_SHOWN + 1
    assert report.issues[-1].code == "RG111"
    assert report.faults == 4999


def test_an_empty_file_and_one_of_comments_are_an_empty_value():
    for text in ("", "# nothing yet\n", "---\n", "\n\n"):
        assert value(text) is None


def test_a_mapping_knows_the_places_of_its_keys_and_values():
    tree = read("a:\n  bcd: [1, {e: 'f g'}]\n", Report("x"))
    inner = tree.get("a").get("bcd").items[1]
    assert isinstance(inner, Mapping)
    assert (inner.entries[0].span.line, inner.entries[0].span.column) == (2, 13)
    text = inner.get("e")
    assert (text.span.line, text.span.column, text.span.end_column) == (2, 16, 21)


def test_lines_break_where_yaml_breaks_them():
    assert lines("a\r\nb\rc\u2028d\ne") == ["a", "b", "c", "d", "e"]
