"""A figure holds within its bounds, and one that does not makes the bench fail."""

import json

import pytest

from bench import figures
from bench.figures import Figure, show


@pytest.mark.parametrize(
    ("figure", "bound", "holds"),
    [
        (Figure("told", 5), None, True),
        (Figure("greatest", 5, at_most=5), 5, True),
        (Figure("too much", 5.1, at_most=5), 5, False),
        (Figure("least", 5, at_least=5), 5, True),
        (Figure("too little", 4.9, at_least=5), 5, False),
    ],
)
def test_a_figure_holds_up_to_its_bound(figure, bound, holds):
    assert (figure.bound, figure.holds) == (bound, holds)


def test_figures_are_kept_as_lines_and_one_that_fails_gives_exit_code_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "BENCH", tmp_path / "bench")
    assert show("some", [Figure("one", 1, at_most=2)]) == 0
    assert show("some", [Figure("one", 1, at_most=2), Figure("two", 1, at_least=2)]) == 1
    lines = [json.loads(line) for line in (tmp_path / "bench" / "some.jsonl").read_text().splitlines()]
    assert lines == [
        {"figure": "one", "value": 1, "bound": 2, "holds": True},
        {"figure": "two", "value": 1, "bound": 2, "holds": False},
    ]
    assert "at least 2" in capsys.readouterr().out
