"""`regulars diagram`, which needs no server, and the pictures of the docs."""

import os
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from engine.language.rules import load_rules
from tests import commands
from tests.docs.pages import ROOT


def regulars(*arguments: str, code: int = 0) -> str:
    return commands.regulars("diagram", *arguments, project=ROOT, code=code)


def test_a_playbook_is_drawn_as_text_and_as_a_picture(tmp_path: Path):
    text = regulars("payment-reminder")
    assert text.startswith('---\ntitle: "Payment reminder (payment-reminder)"\n---\nflowchart TD\n')
    picture = tmp_path / "picture.svg"
    assert regulars("payment-reminder", "--format", "svg", "--output", str(picture)) == f"written: {picture}\n"
    assert ET.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.read_text() == (ROOT / "docs" / "images" / "diagrams" / "payment-reminder.svg").read_text()


def test_the_numbers_of_a_backtest_are_written_in(tmp_path: Path):
    (tmp_path / "messages.csv").write_text("playbook,step,state,messages\nwelcome,welcome,sent,1234\n")
    (tmp_path / "journeys.csv").write_text("playbook,ended,outcome,journeys\nwelcome,ended,ended,1300\n")
    (tmp_path / "given.csv").write_text("")
    text = regulars("welcome", "--counts", str(tmp_path))
    assert "1,234 sent" in text
    assert "1,300 journeys" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("wellcome",), "did you mean welcome?"),
        (("nothing-like-it",), "`regulars playbooks` lists them"),
        (("welcome", "--counts", "/nowhere"), "found no such file"),
        (("welcome", "--output", "/nowhere/at/all.svg"), "which cannot be written"),
        (("welcome", "--format", "png"), "png"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_hint(arguments: tuple[str, ...], told: str):
    assert told in regulars(*arguments, code=1)


def test_the_pictures_of_the_docs_and_their_pages_are_up_to_date():
    tool = runpy.run_path(str(ROOT / "tools" / "diagrams.py"))
    found = tool["generated"]()
    for path, text in found.items():
        assert path.read_text(encoding="utf-8") == text, "run python tools/diagrams.py"
    assert list(tool["left_over"](found)) == []


def test_every_shipped_playbook_is_shown_on_a_page():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "playbooks").glob("*.md"))
    for name in load_rules(ROOT / "rules").plans:
        assert f"](../images/diagrams/{name}.svg)" in pages


def test_a_stale_picture_and_one_of_no_playbook_fail_the_check(tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=lambda _, names: {each for each in names if each.startswith(".")})
    script = [sys.executable, str(copy / "tools" / "diagrams.py")]
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([*script, "--check"], cwd=tmp_path, env=settings, check=False).returncode == 0
    images = copy / "docs" / "images" / "diagrams"
    page = copy / "docs" / "playbooks" / "welcome.md"
    page.write_text(page.read_text().replace("welcome.svg", "win-back.svg"))
    (images / "welcome.svg").write_text("<svg/>")
    (images / "of-old.svg").write_text("<svg/>")
    done = subprocess.run([*script, "--check"], cwd=tmp_path, env=settings, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == (
        "docs/images/diagrams/welcome.svg: stale: run python tools/diagrams.py\n"
        "docs/playbooks/welcome.md: stale: run python tools/diagrams.py\n"
        "docs/images/diagrams/of-old.svg: of no playbook: run python tools/diagrams.py\n"
    )
    assert subprocess.run(script, cwd=tmp_path, env=settings, check=False).returncode == 0
    assert subprocess.run([*script, "--check"], cwd=tmp_path, env=settings, check=False).returncode == 0
