"""The README's first playbook, followed word by word: its commands run, and what it shows is what they say."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks

SECTION = "\n## Your first playbook, in ten minutes\n"


def told() -> list[Block]:
    text = (ROOT / "README.md").read_text().split(SECTION, 1)[1].split("\n## ", 1)[0]
    return blocks(text)


def squeezed(text: str) -> list[str]:
    """Lines without their layout: a narrower terminal draws narrower tables."""
    return [" ".join(re.sub(r"[│┃]", " ", line).split()) for line in text.splitlines() if line.strip()]


def script(directory: Path, replay: str) -> str:
    """All blocks as one script. A check that shows mistakes is followed by what it shows, and ends with 1.

    The replay has a name of its own each time, as the Temporal server may remember an earlier run of this test.
    """
    lines, steps = ["set -eu"], told()
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.language != "bash":
            continue
        fails = following is not None and following.language == "text" and ": error " in following.text
        command = step.text.replace("../my-shop", str(directory / "my-shop")).replace(
            "replay march", f"replay {replay}"
        )
        lines.append(f"code=0; {{ {command.rstrip()}\n}} || code=$?; test $code = 1" if fails else command)
    return "\n".join(lines)


@pytest.mark.timeout(300)
def test_the_first_playbook_of_the_readme_does_what_the_readme_says(database: str, tmp_path: Path) -> None:
    replay = f"march-{uuid.uuid4().hex[:8]}"
    environment = {
        **os.environ,
        "REGULARS_DATABASE_URL": database,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "120",
    }
    run = subprocess.run(
        ["bash", "-c", script(tmp_path, replay)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stdout
    said = squeezed(run.stdout)
    shown = [line for block in told() if block.language == "text" for line in squeezed(block.text)]
    assert len(shown) > 8
    assert [line for line in shown if line not in said] == [], run.stdout
    mails = list((tmp_path / "my-shop/.regulars/replay" / replay / "mailbox").glob("*.eml"))
    sent = re.search(r"ask\s+│ sent\s+│ (\d+)", (ROOT / "README.md").read_text())[1]
    assert len(mails) == int(sent)
