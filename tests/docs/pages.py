"""The project's Markdown pages, and what the tests of them look for."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line on which the text begins."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every Markdown page of the project, whether committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1) for found in _FENCE.finditer(text)]


def links(text: str) -> list[str]:
    """Targets of links and pictures; what stands in fenced blocks is none."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names by which headings can be linked to, as code forges make them."""
    return {_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", text))}


def _anchor(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading).lower())
    return words.replace(" ", "-")
