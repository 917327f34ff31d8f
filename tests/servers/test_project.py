from pathlib import Path

import pytest

from engine.servers.errors import SetupError
from engine.servers.project import Project


def write(directory: Path, text: str) -> Path:
    (directory / "regulars.toml").write_text(text)
    return directory


def test_a_project_is_found_from_a_directory_below_it(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nrules = "our-rules"\n')
    below = tmp_path / "our-rules" / "playbooks"
    below.mkdir(parents=True)
    project = Project.find(below)
    assert project.root == tmp_path
    assert project.rules == tmp_path / "our-rules"


def test_the_nearest_of_two_projects_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "")
    inner = tmp_path / "inner"
    inner.mkdir()
    assert Project.find(write(inner, "")).root == inner


def test_a_directory_named_by_hand_is_not_searched_upwards(tmp_path: Path) -> None:
    write(tmp_path, "")
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(SetupError, match=r"no-project.*inner has no regulars\.toml"):
        Project.at(inner)


def test_no_project_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no-project(.|\n)*--project DIR"):
        Project.find(tmp_path)


def test_the_state_directory_is_made_on_demand(tmp_path: Path) -> None:
    project = Project.find(write(tmp_path, ""))
    assert not (tmp_path / ".regulars").exists()
    assert project.state.is_dir()


def test_a_state_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / ".regulars").write_text("a file is in the way")
    with pytest.raises(SetupError, match="state-unwritable"):
        Project.find(tmp_path).state  # noqa: B018 - reading it makes it


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[project]\nruls = "x"\n', ":2:1", "did you mean 'rules'"),
        ('[projekt]\nrules = "x"\n', ":1:2", "did you mean 'project'"),
        ("[servers]\n# two\n  temporal_port = 'x'\n", ":3:3", "expected a whole number"),
        ("[servers]\ntemporal_port = true\n", ":2:1", "expected a whole number"),
        ("[project]\nrules = \n", ":2:9", "this is not TOML"),
        ("rules = 'x'\n", ":1:1", "expected a table of"),
    ],
)
def test_a_mistake_in_the_settings_is_shown_with_its_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        Project.find(write(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path}/regulars.toml{place}: error[bad-settings]")
    assert message in str(caught.value)


def test_all_mistakes_in_the_settings_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        Project.find(write(tmp_path, "[project]\na = 1\nb = 2\n"))
    assert "'a'" in str(caught.value)
    assert "'b'" in str(caught.value)


def test_settings_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "regulars.toml").write_bytes(b'[project]\nrules = "\xff"\n')
    with pytest.raises(SetupError, match="UTF-8"):
        Project.find(tmp_path)
