"""The table [worker] and the environment above it: what they may say, and where a mistake is."""

from pathlib import Path

import pytest

from engine.servers.errors import SetupError
from engine.servers.project import Project
from engine.servers.worker_settings import BOUNDS, WorkerSettings
from engine.serving.server import address_of, listen
from tests.docs.pages import ROOT


def settings(directory: Path, text: str) -> WorkerSettings:
    (directory / "regulars.toml").write_text(text)
    return Project.at(directory).settings.worker


def test_without_a_table_the_defaults_hold_and_what_is_named_changes(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == WorkerSettings()
    told = settings(tmp_path, '[worker]\nport = 9000\nactivities = 7\nhost = "0.0.0.0"\n')
    assert (told.port, told.activities, told.host) == (9000, 7, "0.0.0.0")
    assert told.cached_journeys == WorkerSettings().cached_journeys


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[worker]\nactivites = 7\n", ":2:1", "did you mean 'activities'"),
        ("[worker]\nactivities = 0\n", ":2:1", "expected a whole number from 1 to 10000"),
        ('[worker]\nactivities = "7"\n', ":2:1", "expected a whole number"),
        ("[worker]\nactivities = true\n", ":2:1", "expected a whole number"),
        ("[worker]\n\n  port = 70000\n", ":3:3", "expected a whole number from 0 to 65535"),
        ('[worker]\nhost = ""\n', ":2:1", "expected text in quotes"),
        (
            "[worker]\nworkflow_pollers = 20\nworkflow_tasks = 10\n",
            ":2:1",
            "expected at most workflow_tasks, which is 10",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    with pytest.raises(SetupError) as told:
        settings(tmp_path, text)
    assert told.value.place == f"{tmp_path / 'regulars.toml'}{place}"
    assert message in str(told.value)


def test_the_environment_stands_above_the_file() -> None:
    told = WorkerSettings(activities=7, grace_seconds=5).overridden(
        {"REGULARS_WORKER_ACTIVITIES": "9", "REGULARS_WORKER_HOST": "::1", "REGULARS_WORKER_PORT": ""}
    )
    assert (told.activities, told.grace_seconds, told.host, told.port) == (9, 5, "::1", None)


@pytest.mark.parametrize("text", ["many", "-1", "0", "1_0", "٣", "9" * 30])
def test_a_variable_that_says_no_number_in_bounds_is_named(text: str) -> None:
    with pytest.raises(SetupError) as told:
        WorkerSettings().overridden({"REGULARS_WORKER_ACTIVITIES": text, "REGULARS_WORKER_GRACE_SECONDS": "x"})
    assert f"REGULARS_WORKER_ACTIVITIES is {text!r}, expected a whole number from 1 to 10000" in str(told.value)
    assert "also REGULARS_WORKER_GRACE_SECONDS" in str(told.value)


def test_two_that_cannot_hold_together_are_told_wherever_they_stand() -> None:
    with pytest.raises(SetupError, match="activity_pollers is 5, expected at most activities, which is 2"):
        WorkerSettings().overridden({"REGULARS_WORKER_ACTIVITIES": "2"})


def test_operations_has_every_setting_with_its_variable_and_default() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name, bounds in BOUNDS.items():
        default = getattr(WorkerSettings(), name)
        shown = "8234" if name == "port" else default
        assert f"| `{name}` | `{bounds.variable}` | {shown} |" in page


def test_a_chosen_port_that_is_taken_is_an_error_that_names_its_owner_and_the_default_gives_way() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(SetupError, match=rf"127\.0\.0\.1:{port}.*taken by .*pid"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", None), listen("127.0.0.1", None) as second:
        assert second.getsockname()[1] > 0


def test_a_host_that_is_none_of_this_machine_is_a_clear_error() -> None:
    with pytest.raises(SetupError, match="cannot-listen"):
        listen("no-such-host.invalid", None)
