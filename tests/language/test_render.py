"""How issues are shown."""

import json

from rich.text import Text

from engine.language.issues import Issue, Report, Span, did_you_mean, one_of, shorten
from engine.language.render import as_github, as_json, as_text


def issue(**changes):
    told = {"code": "RG401", "file": "a.yaml", "line": 2, "column": 6, "end_line": 2, "end_column": 12}
    return Issue(**{**told, "found": "ninety", "expected": "a whole number", **changes})


def shown(text, **changes):
    return Text.from_markup(as_text([issue(**changes)], {"a.yaml": text})).plain.splitlines()


def test_the_line_is_quoted_with_a_caret_under_the_place():
    assert shown("x: 1\ngte: ninety # comment", hint="did you mean 90?", rule="playbook a") == [
        "a.yaml:2:6: error RG401 type mismatch",
        "    2 | gte: ninety # comment",
        "      |      ^^^^^^",
        "  found:    ninety",
        "  expected: a whole number",
        "  hint:     did you mean 90?",
        "  disabled: playbook a",
    ]


def test_the_caret_stands_right_under_letters_that_take_two_columns():
    lines = shown("x\n尺寸: ninety", column=5, end_column=11)
    assert lines[1:3] == ["    2 | 尺寸: ninety", "      |       ^^^^^^"]


def test_the_caret_stands_right_after_a_tab():
    lines = shown("x\n\t- ninety", column=4, end_column=10)
    assert lines[1:3] == ["    2 |     - ninety", "      |       ^^^^^^"]


def test_markup_in_a_file_is_shown_and_not_obeyed():
    assert shown("x\n[bold]nine[/bold]", column=1, end_column=6)[1] == "    2 | [bold]nine[/bold]"


def test_of_a_very_long_line_only_the_surroundings_are_shown():
    lines = shown("x\n" + "a" * 5000 + "ninety" + "b" * 5000, column=5001, end_column=5007)
    assert len(lines[1]) < 200
    assert lines[1][lines[2].index("^") :].startswith("ninety")


def test_a_value_over_several_lines_is_marked_to_the_end_of_its_first():
    assert shown("x\nkey: [a,\n b]", column=6, end_line=3, end_column=4)[2] == "      |      ^^^"


def test_a_place_behind_the_end_of_the_text_still_has_a_caret():
    assert shown("x\nkey: [", column=7, end_column=8)[2] == "      |       ^"


def test_a_place_in_a_line_that_is_not_there_is_shown_without_a_quote():
    assert shown("x", line=9)[1] == "  found:    ninety"


def test_paths_begin_where_people_are():
    assert as_text([issue()], {}, "shop/rules/").startswith("[bold]shop/rules/a.yaml:2:6[/bold]")


def test_json_says_everything_of_each_issue():
    told = json.loads(as_json([issue(hint="write 90")], {}, "rules/"))
    assert told == [
        {
            "code": "RG401",
            "title": "type mismatch",
            "severity": "error",
            "file": "rules/a.yaml",
            "line": 2,
            "column": 6,
            "end_line": 2,
            "end_column": 12,
            "found": "ninety",
            "expected": "a whole number",
            "hint": "write 90",
            "rule": "",
        }
    ]
    assert json.loads(as_json([], {})) == []


def test_github_gets_one_annotation_a_line_with_its_signs_escaped():
    text = as_github([issue(found="100%\n", hint="a: b, c"), issue(severity="warning")], {}, "rules/")
    first, second = text.splitlines()
    assert first == (
        "::error file=rules/a.yaml,line=2,col=6,endColumn=12,title=RG401 type mismatch::"
        "found 100%25%0A; expected a whole number; a: b, c"
    )
    assert second.startswith("::warning file=rules/a.yaml")


def test_a_file_name_with_a_comma_does_not_break_an_annotation():
    assert "file=a%2Cb.yaml,line" in as_github([issue(file="a,b.yaml")], {})


def test_a_close_word_is_offered_and_a_strange_one_is_not():
    assert did_you_mean("spend_24m", ["spend_24mo", "country"]) == "did you mean spend_24mo?"
    assert did_you_mean("Country", ["country"]) == "did you mean country?"
    assert did_you_mean("zebra", ["spend_24mo", "country"]) == ""


def test_lists_are_written_as_people_do():
    assert one_of([]) == ""
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b", "c"]) == "a, b or c"
    assert one_of("abcdefghij", 3) == "a, b, c, … (10 in all)"


def test_what_was_found_is_cut_to_one_line():
    assert shorten("a\nb\x1b[31m") == "a b [31m"
    assert len(shorten("x" * 500)) == 80


def test_a_report_tells_rules_with_faults_from_sound_ones():
    report = Report("a.yaml")
    report.warning("RG401", Span(), "a", "b")
    assert report.faults == 0
    report.warning("RG313", Span(), "a", "b")
    report.error("RG401", Span(), "a", "b")
    assert report.faults == 2
