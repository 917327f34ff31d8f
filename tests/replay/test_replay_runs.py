"""A replay's own state, made anew for each run."""

from pathlib import Path

import pytest
from temporalio.envconfig import ClientConfig

from engine.composition import connect
from engine.replay.discard import discard_namespace, first_free
from engine.replay.run import Run, after, begin, directory, next_run
from engine.servers.namespace import prepare_namespace


def test_each_run_has_a_number_of_its_own_and_an_empty_mailbox(tmp_path: Path) -> None:
    first = next_run(tmp_path, "jan")
    begin(tmp_path, first)
    letter = directory(tmp_path, "jan") / "mailbox" / "old.eml"
    letter.parent.mkdir()
    letter.write_text("of the run before")
    second = next_run(tmp_path, "jan")
    begin(tmp_path, second)

    assert (first, second) == (Run("jan", 1), Run("jan", 2, before=1))
    assert (first.namespace_before, second.namespace_before) == (None, first.namespace)
    assert not letter.exists()


def test_the_run_before_is_this_projects_own_whatever_others_have_made_since(tmp_path: Path) -> None:
    begin(tmp_path, next_run(tmp_path, "jan"))
    second = after(next_run(tmp_path, "jan"))  # another project has made the second of the cluster
    begin(tmp_path, second)
    assert (second.namespace, second.namespace_before) == ("replay-jan-3", "replay-jan-1")
    assert next_run(tmp_path, "jan").namespace_before == "replay-jan-3"


@pytest.mark.parametrize("name", ["", "Jan", "1st", "a/b", "../up", "a" * 40, "x;drop"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a replay's name"):
        directory(tmp_path, name)


async def test_a_namespace_that_somebody_else_has_made_is_passed_over(tmp_path: Path) -> None:
    name = f"t{abs(hash(tmp_path)) % 10**9}"
    taken = Run(name, 1)
    await prepare_namespace(ClientConfig.load_client_connect_config(), taken.namespace)
    client = await connect()
    try:
        assert await first_free(client, taken) == Run(name, 2)
    finally:
        await discard_namespace(client, taken.namespace)
