"""The numbers of a backtest in a diagram, from the files that `regulars simulate --output` writes."""

from pathlib import Path

import pytest

from engine.diagram.counts import CountsError, read_counts, with_counts
from engine.diagram.graph import START
from tests.diagram.graphs import graph, plan

MESSAGES = """playbook,step,channel,week,state,reason,messages
all-ways,first,email,2026-03-02,sent,,12000
all-ways,first,email,2026-03-09,sent,,345
all-ways,first,email,2026-03-02,skipped,no_consent,310
all-ways,first,email,2026-03-02,deferred,quiet_hours,2
another,short,email,2026-03-02,sent,,7
"""
JOURNEYS = """playbook,ended,outcome,journeys
all-ways,ended,ended,9000
all-ways,ended,paid-late,1200
all-ways,ended,past,1
all-ways,stopped,order.cancelled,50
all-ways,open,,5
another,ended,ended,3
"""
GIVEN = """playbook,what,step,count
all-ways,task,call,41
all-ways,task,by-hand,2
"""


@pytest.fixture
def result(tmp_path: Path) -> Path:
    for name, text in (("messages", MESSAGES), ("journeys", JOURNEYS), ("given", GIVEN)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_messages_tasks_starts_and_ends_have_their_numbers(result: Path):
    drawn = with_counts(graph(), plan(), read_counts(result, "all-ways"))
    counts = {box.id: box.counts for box in drawn.boxes}
    assert counts["first"] == ("12,345 sent, 310 skipped, 2 deferred",)
    assert counts["short"] == ("none",)
    assert counts[START] == ("10,256 journeys",)
    assert counts["call"] == ("41 tasks",)
    assert counts["end-1"] == ("1,200 journeys",)
    assert counts["wait-6/past"] == ("1 journey",)
    assert counts["if-1"] == ()
    assert drawn.notes[-1] == (
        "Backtest: 10,256 journeys; 9,000 ended, 1,200 ended: paid-late, 50 stopped: order.cancelled, "
        "5 still open, 1 ended: past."
    )


def test_of_several_ends_with_one_outcome_nobody_knows_which_it_was(result: Path):
    drawn = with_counts(graph(), plan(), read_counts(result, "all-ways"))
    assert {box.id: box.counts for box in drawn.boxes if box.id in ("end", "end-2", "end-3")} == {
        "end": (),
        "end-2": (),
        "end-3": (),
    }


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("messages.csv", None, "messages.csv: found no such file, expected the directory that `regulars simulate"),
        (
            "messages.csv",
            "playbook,step\nall-ways,first\n",
            "messages.csv:1: found no column state, expected the columns",
        ),
        ("journeys.csv", JOURNEYS.replace("1200", "many"), "journeys.csv:3: found 'many', expected a whole number"),
        ("journeys.csv", "", "journeys.csv: found no journey of all-ways, expected a backtest in which it took part"),
        ("given.csv", "playbook,what,step,count\nall-ways,task,call\n", "given.csv:2: found None, expected a whole"),
    ],
)
def test_what_is_no_result_of_a_backtest_is_told_at_its_place(result: Path, file: str, text: str | None, told: str):
    if text is None:
        (result / file).unlink()
    else:
        (result / file).write_text(text)
    with pytest.raises(CountsError) as refused:
        read_counts(result, "all-ways")
    assert told in str(refused.value)


def test_a_file_without_any_row_has_no_columns_either(result: Path):
    (result / "given.csv").write_text("")
    drawn = with_counts(graph(), plan(), read_counts(result, "all-ways"))
    assert next(box.counts for box in drawn.boxes if box.id == "call") == ()
