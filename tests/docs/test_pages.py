"""The pages tell the truth about themselves: links lead somewhere, settings exist, nothing is said that must not be."""

import importlib
import re
from pathlib import Path

import pytest
import typer

from engine.cli import main
from tests.docs.pages import ROOT, anchors, blocks, links, pages

SETTING = re.compile(r"\bREGULARS_[A-Z]+(?:_[A-Z]+)*\b")
CODE = ("engine", "workflows", "activities", "tools", "bench", "tests", "examples")
# Places that only exist on somebody's machine, and hosts of package registries and their mirrors.
FORBIDDEN = (
    r"/(?:root|home/\w+|tmp|work|Users)/",
    r"\bpypi\b",
    r"pythonhosted",
    r"proxy\.golang",
    r"repo1?\.maven|maven\.org",
    r"index[-_]url",
    r"\bissue #?\d",
    r"\bTODO\b|\bFIXME\b|\bTBD\b",
)

every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


def test_there_are_pages_to_test() -> None:
    names = {str(page.relative_to(ROOT)) for page in pages()}
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/operations.md"} <= names


@every_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in links(page.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(link)
        elif anchor and anchor not in anchors(target.read_text()):
            broken.append(f"{link}: no such heading")
    assert broken == []


@every_page
def test_a_page_names_no_machine_and_no_registry(page: Path) -> None:
    text = page.read_text()
    found = [match[0] for pattern in FORBIDDEN for match in re.finditer(pattern, text)]
    assert found == []


@every_page
def test_a_page_begins_with_its_one_title(page: Path) -> None:
    text = page.read_text()
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", outside, re.MULTILINE)) == 1


def settings_in_code() -> set[str]:
    texts = [path.read_text() for folder in CODE for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    return {name for text in [*texts, (ROOT / "Makefile").read_text()] for name in SETTING.findall(text)}


def test_every_setting_of_the_pages_is_read_by_the_code() -> None:
    told = {name for page in pages() for name in SETTING.findall(page.read_text())}
    assert told - settings_in_code() == set()


def test_every_setting_that_the_code_reads_is_in_operations() -> None:
    told = set(SETTING.findall((ROOT / "docs/operations.md").read_text()))
    assert settings_in_code() - told == set()


def test_the_readme_has_exactly_two_commands_to_set_up() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.split("\n## Set-up\n", 1)[1].split("\n## ", 1)[0]
    commands = [line for block in blocks(section) for line in block.text.splitlines() if line.strip()]
    assert commands == ["make demo", "make test"]


def test_the_readme_names_every_command_and_no_other() -> None:
    app = typer.Typer()
    for name in sorted(set(main._COMMANDS.values())):
        importlib.import_module(f"engine.cli.{name}").register(app)
    registered = set(typer.main.get_group(app).commands)
    table = (ROOT / "README.md").read_text().split("\n## Commands\n", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `regulars ([a-z-]+)", table, re.MULTILINE)) == registered
    assert set(main._COMMANDS) == registered


def test_the_architecture_has_a_line_for_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "build"))}
    top = {name for name in top if any(child.is_file() for child in (ROOT / name).rglob("*"))} - {"regulars.egg-info"}
    parts = {path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")}
    missing = {name for name in top if f"`{name}/`" not in text} | {name for name in parts if f"`{name}/`" not in text}
    assert missing == set()


def test_the_licence_is_apache_2_as_a_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text.splitlines()) == 202
