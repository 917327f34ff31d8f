"""The mirror outlives kills, lost files, full disks and others who write and read at the same time."""

import json
import signal
import subprocess
import sys

import pytest

from engine.facts.migrate import upgrade
from engine.mirror.manifest import fault_of, read_manifest
from engine.mirror.open import opened_mirror
from tests.mirror.same import differences, open_small


def disturbed(url, directory, *how):
    """Opens the mirror in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.mirror.disturbed", url, str(directory), *map(str, how)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def change(connection, customers, city="Rome"):
    connection.execute("update customers set city = %s where id = any(%s)", (city, customers))
    connection.commit()


def directories(directory):
    return {path.name for path in directory.iterdir() if path.is_dir() and path.name != "spill"}


def named(directory):
    return {file.path.split("/")[0] for file in read_manifest(directory).every_file()}


@pytest.mark.parametrize(
    ("step", "count"), [("file", 1), ("file", 30), ("mirror", 2), ("written", 1), ("registered", 1), ("in force", 1)]
)
def test_a_build_that_is_killed_leaves_nothing_that_counts(step, count, crowd, connection, database, directory):
    died = disturbed(database, directory, "die", step, count)
    assert died.returncode == -signal.SIGKILL
    assert (read_manifest(directory) is not None) == (step == "in force")
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}
    with open_small(database, directory):
        assert directories(directory) == named(directory)


@pytest.mark.parametrize(("step", "count"), [("file", 3), ("written", 1), ("registered", 1), ("in force", 1)])
def test_a_refresh_that_is_killed_loses_no_change(step, count, crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        before = mirror.manifest
    change(connection, crowd.customers[:3])
    assert disturbed(database, directory, "die", step, count).returncode == -signal.SIGKILL
    assert (read_manifest(directory) == before) == (step != "in force")
    change(connection, crowd.customers[2:6], "Oslo")
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert differences(mirror, connection) == {}
    assert said == []


@pytest.mark.parametrize(("step", "count"), [("compact", 1), ("written", 1), ("in force", 1)])
def test_a_compaction_that_is_killed_loses_nothing(step, count, crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    change(connection, crowd.customers[:15])
    assert disturbed(database, directory, "die", step, count).returncode == -signal.SIGKILL
    with open_small(database, directory) as mirror:
        assert mirror.manifest.customers(base=False) == 0
        assert differences(mirror, connection) == {}


def _first(manifest, *, base):
    part = next(part for part in manifest.parts if part.is_base is base)
    return part.files["customer"]


@pytest.mark.parametrize("harm", ["truncated", "missing", "overwritten"])
def test_a_file_of_the_base_that_is_lost_has_its_part_built_again(harm, crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    change(connection, crowd.customers[:3])
    with open_small(database, directory) as mirror:
        file, parts = _first(mirror.manifest, base=True), len(mirror.manifest.parts)
    harmed = directory / file.path
    if harm == "missing":
        harmed.unlink()
    else:
        whole = harmed.read_bytes()
        harmed.write_bytes(whole[:-20] if harm == "truncated" else whole[:-4] + b"rows")
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert len(mirror.manifest.parts) == parts
        assert differences(mirror, connection) == {}
    assert len(said) == 1
    assert file.path in said[0]
    change(connection, crowd.customers[1:4], "Oslo")
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_a_file_beside_the_base_that_is_lost_has_all_built_again(crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    change(connection, crowd.customers[:3])
    with open_small(database, directory) as mirror:
        (directory / _first(mirror.manifest, base=False).path).unlink()
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert differences(mirror, connection) == {}
    assert "built anew" in said[0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"parts": []}'])
def test_a_manifest_that_cannot_be_read_is_none(content, crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    (directory / "manifest.json").write_text(content)
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_a_changed_byte_is_found_by_a_whole_look(crowd, database, directory):
    with open_small(database, directory) as mirror:
        file = _first(mirror.manifest, base=True)
    path = directory / file.path
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert fault_of(directory, file) is None
    assert "other content" in str(fault_of(directory, file, whole=True))


@pytest.mark.parametrize("limit", [1, 3000])
def test_a_full_disk_leaves_what_was_in_force_and_says_so(limit, crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        before = mirror.manifest
    change(connection, crowd.customers[:10])
    full = disturbed(database, directory, "full", limit)
    assert (full.returncode, full.stdout) == (3, "mirror_disk_full\n"), full.stderr
    assert read_manifest(directory) == before
    assert directories(directory) == named(directory)
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_two_who_open_it_at_once_write_one_after_the_other(crowd, connection, database, directory):
    command = [sys.executable, "-m", "tests.mirror.disturbed", database, str(directory), "open"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in both] == ["opened 1\n"] * 2
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_who_reads_keeps_the_files_until_they_close(crowd, connection, database, directory):
    query = "select city, count(*) from customer group by 1 order by 1"
    with open_small(database, directory) as reader:
        before = reader.duck.execute(query).fetchall()
        kept = directories(directory)
        for number in range(3):
            change(connection, crowd.customers[number * 12 : number * 12 + 12], f"city {number}")
            with open_small(database, directory) as mirror:
                assert mirror.manifest.customers(base=False) == 0  # compacted each time
        assert kept < directories(directory)
        assert reader.duck.execute(query).fetchall() == before
    with open_small(database, directory) as mirror:
        assert directories(directory) == named(directory)
        assert differences(mirror, connection) == {}


def test_many_small_refreshes_stay_few_parts(crowd, connection, database, directory):
    for number in range(15):
        change(connection, crowd.customers[:2], f"city {number}")
        with open_small(database, directory) as mirror:
            assert len(mirror.manifest.parts) < 3 + 13
    assert differences_of(database, directory, connection) == {}


def differences_of(database, directory, connection):
    with open_small(database, directory) as mirror:
        return differences(mirror, connection)


def test_it_can_be_built_anew(crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        generation = mirror.manifest.generation
    with open_small(database, directory, anew=True) as mirror:
        assert mirror.manifest.generation == generation + 1
        assert differences(mirror, connection) == {}


def test_the_mirror_of_another_database_is_not_taken_for_this_ones(crowd, make_database, database, directory):
    with open_small(database, directory):
        pass
    said = []
    with open_small(make_database(), directory, say=said.append) as mirror:
        assert mirror.duck.execute("select count(*) from people").fetchone() == (0,)
    assert len(said) == 1


def test_a_database_that_was_set_back_has_its_mirror_built_anew(crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    row = connection.execute("select generation, snapshot, before from mirrors").fetchone()
    change(connection, crowd.customers[:1])
    with open_small(database, directory):
        pass
    # As a backup of before would have it: without the change, and without the refresh.
    connection.execute("update mirrors set generation = %s, snapshot = %s, before = %s", row)
    connection.execute("alter table customers disable trigger user")
    change(connection, crowd.customers[:1], "as before")
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert differences(mirror, connection) == {}
    assert "set back" in said[0]


def test_a_mirror_that_the_database_has_forgotten_is_built_anew(crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    connection.execute("delete from mirrors")
    connection.execute("delete from fact_changes")
    connection.commit()
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert differences(mirror, connection) == {}
    assert "does not know it" in said[0]


def test_other_rules_of_zones_are_said_and_build_nothing_anew(crowd, database, directory):
    with open_small(database, directory) as mirror:
        generation = mirror.manifest.generation
    manifest = directory / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "tzdata": "2001.1"}))
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert mirror.manifest.generation == generation
    assert "tzdata" in said[0]


def test_another_schema_has_facts_of_its_own(crowd, connection, database, tmp_path):
    upgrade(database, "replay_odd")
    with opened_mirror(database, "replay_odd", tmp_path / "odd") as mirror:
        assert mirror.duck.execute("select count(*) from people").fetchone() == (0,)
        before = mirror.manifest
    # Over a connection of another schema, as a replay copies its facts.
    connection.execute("insert into replay_odd.customers (key) values ('a')")
    connection.commit()
    with opened_mirror(database, "replay_odd", tmp_path / "odd") as mirror:
        assert mirror.manifest.generation == before.generation + 1
        assert mirror.duck.execute("select key from people").fetchall() == [("a",)]
