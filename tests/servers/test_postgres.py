"""PostgreSQL over its life: data, owners, pid files, paths."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from engine.servers import account
from engine.servers.clean import clean
from engine.servers.errors import SetupError
from engine.servers.lease import Lease, attach, running, take
from engine.servers.postgres import Postgres
from engine.servers.processes import Identity
from tests.servers.waiting import run, started, until

HOLD = """
import sys, time
from pathlib import Path
from engine.servers.lease import take
from engine.servers.postgres import Postgres
lease = take(Postgres(Path(sys.argv[1])))
print(lease.record.pid, flush=True)
time.sleep(600)
"""


def connect(lease: Lease) -> psycopg.Connection:
    return psycopg.connect(lease.record.environment["REGULARS_DATABASE_URL"], autocommit=True)


def remember(lease: Lease) -> None:
    with connect(lease) as connection:
        connection.execute("create table kept as select 42 as answer")


def remembered(lease: Lease) -> bool:
    with connect(lease) as connection:
        return connection.execute("select answer from kept").fetchone() == (42,)


def test_data_survives_from_one_run_to_the_next(state: Path) -> None:
    first = take(Postgres(state))
    remember(first)
    first.release()
    assert not first.record.identity.alive()
    second = take(Postgres(state))
    assert remembered(second)
    second.release()


def test_only_a_unix_socket_is_served_and_only_its_owner_may_use_it(state: Path) -> None:
    lease = take(Postgres(state))
    listening = [c for c in psutil.Process(lease.record.pid).net_connections("inet") if c.status == "LISTEN"]
    assert listening == []
    assert (Postgres(state).home / "run").stat().st_mode & 0o077 == 0
    lease.release()


def test_a_second_user_shares_the_server_and_the_last_one_stops_it(state: Path) -> None:
    first, second = take(Postgres(state)), take(Postgres(state))
    assert first.record == second.record
    first.release()
    assert remembered_nothing(second)
    second.release()
    assert not second.record.identity.alive()


def remembered_nothing(lease: Lease) -> bool:
    with connect(lease) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def test_two_processes_that_start_at_once_share_one_server(state: Path) -> None:
    with started("-c", HOLD, str(state)) as one, started("-c", HOLD, str(state)) as two:
        assert one.stdout.readline() == two.stdout.readline() != ""


def test_the_orphan_of_a_killed_owner_is_adopted_with_its_data(state: Path) -> None:
    with started("-c", HOLD, str(state)) as owner:
        pid = int(owner.stdout.readline())
        lease = attach(Postgres(state))
        remember(lease)
        owner.kill()
        owner.wait()
        lease.release()
    assert not lease.record.identity.alive(), "the last user stops the orphan"
    assert lease.record.pid == pid

    with started("-c", HOLD, str(state)) as owner:
        pid = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
    assert Identity.of(pid), "nobody is left to stop it"
    adopted = take(Postgres(state))
    assert adopted.record.pid == pid
    assert remembered(adopted)
    adopted.release()
    assert not adopted.record.identity.alive()


def test_a_killed_server_starts_again_with_its_data(state: Path) -> None:
    lease = take(Postgres(state))
    remember(lease)
    os.kill(lease.record.pid, signal.SIGKILL)
    assert (Postgres(state).data / "postmaster.pid").is_file(), "the stale pid file is what this test is about"
    until(lambda: not lease.record.identity.alive(), "its end")
    assert lease.revive()
    assert remembered(lease)
    lease.release()


def test_an_owner_and_its_server_killed_together_leave_nothing_in_the_way(state: Path) -> None:
    with started("-c", HOLD, str(state)) as owner:
        pid = int(owner.stdout.readline())
        owner.kill()
        os.kill(pid, signal.SIGKILL)
        owner.wait()
    lease = take(Postgres(state))
    assert lease.record.pid != pid
    lease.release()


def test_a_pid_file_that_names_a_foreign_process_is_stale_and_that_process_is_left_alone(state: Path) -> None:
    take(Postgres(state)).release()
    server = Postgres(state)
    foreign = subprocess.Popen(["sleep", "600"])
    try:
        (server.data / "postmaster.pid").write_text(f"{foreign.pid}\n{server.data}\n1\n5432\n{server.home}/run\n\n\n\n")
        lease = take(Postgres(state))
        lease.release()
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_a_pid_file_that_names_a_zombie_is_stale(state: Path) -> None:
    take(Postgres(state)).release()
    server = Postgres(state)
    zombie = subprocess.Popen(["true"])
    until(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE, "a zombie")
    (server.data / "postmaster.pid").write_text(f"{zombie.pid}\n{server.data}\n1\n5432\n{server.home}/run\n\n\n\n")
    lease = take(Postgres(state))
    lease.release()
    zombie.wait()


def test_a_live_server_that_does_not_answer_is_replaced(state: Path) -> None:
    lease = take(Postgres(state))
    remember(lease)
    os.kill(lease.record.pid, signal.SIGSTOP)
    assert attach(Postgres(state)) is None, "its pid lives, but nobody answers"
    again = take(Postgres(state))
    lease.release()
    assert again.record.pid != lease.record.pid
    assert remembered(again)
    again.release()


def test_a_record_of_a_process_that_ended_long_ago_is_not_believed(state: Path) -> None:
    lease = take(Postgres(state))
    lease.release()
    record = Postgres(state).home / "server.json"
    record.write_text(f'{{"pid": {os.getpid()}, "started": 1.0, "environment": {{}}}}')
    assert running(state / "postgres") is None
    take(Postgres(state)).release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_broken_record_is_no_record(state: Path, text: str) -> None:
    (Postgres(state).home / "server.json").write_text(text)
    assert running(state / "postgres") is None


def modes(directory: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode for path in (directory, *directory.parents)}


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_modes_of_directories_above_the_data_are_never_changed(workplace: Path, mode: int) -> None:
    home = workplace / "home"
    project = home / "projects" / "shop" / ".regulars"
    project.mkdir(parents=True)
    home.chmod(mode)
    before = modes(project)
    lease = take(Postgres(project))
    after_start = modes(project)
    lease.release()
    assert before == after_start == modes(project)


def project_below(closed: Path, name: str) -> Path:
    closed.chmod(0o700)
    state = closed / name / ".regulars"
    state.mkdir(parents=True)
    return state


def test_behind_a_closed_door_the_data_lies_where_its_user_can_reach_it(workplace: Path) -> None:
    state = project_below(workplace, "shop")
    take(Postgres(state)).release()
    assert (state / "postgres" / "data").is_dir()
    # Root's PostgreSQL runs as somebody who cannot come here; anybody else's runs as the one who can.
    assert (state / "postgres").is_symlink() == (os.geteuid() == 0)
    assert workplace.stat().st_mode & 0o777 == 0o700


def test_a_moved_project_finds_its_data_again(workplace: Path) -> None:
    lease = take(Postgres(project_below(workplace, "shop")))
    remember(lease)
    lease.release()
    (workplace / "shop").rename(workplace / "store")
    lease = take(Postgres(workplace / "store" / ".regulars"))
    assert remembered(lease)
    lease.release()


def test_a_copied_project_does_not_follow_its_links_to_the_data_of_the_first(workplace: Path) -> None:
    one, two = workplace / "one", workplace / "two"
    data = account._linked(one, workplace / "elsewhere-1")
    two.symlink_to(one.readlink())
    assert account._linked(one, workplace / "elsewhere-1") == data
    assert account._linked(two, workplace / "elsewhere-2") == workplace / "elsewhere-2"
    assert two.resolve() != one.resolve()


def test_a_long_path_gets_a_short_socket(workplace: Path) -> None:
    state = workplace / ("long" * 20) / ("path" * 20)
    state.mkdir(parents=True)
    lease = take(Postgres(state))
    assert "/regulars-" in lease.record.environment["REGULARS_DATABASE_URL"]
    remember(lease)
    lease.release()


def test_a_path_with_spaces_and_signs_can_be_used(workplace: Path) -> None:
    state = workplace / "Ma boutique & Söhne 100%"
    state.mkdir()
    lease = take(Postgres(state))
    remember(lease)
    lease.release()


def test_a_short_socket_directory_that_somebody_else_made_is_refused(workplace: Path) -> None:
    state = workplace / ("long" * 20) / ("path" * 20)
    state.mkdir(parents=True)
    lease = take(Postgres(state))
    directory = Path(lease.record.environment["REGULARS_DATABASE_URL"].split("host=")[1])
    lease.release()
    directory.chmod(0o777)
    with pytest.raises(SetupError, match="not-private"):
        take(Postgres(state))
    directory.chmod(0o700)


def test_data_of_another_major_version_is_refused_and_kept(state: Path) -> None:
    take(Postgres(state)).release()
    version = Postgres(state).data / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(SetupError, match="made by PostgreSQL 16, ours is 18"):
        take(Postgres(state))
    version.write_text("18\n")
    take(Postgres(state)).release()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(state: Path) -> None:
    take(Postgres(state)).release()
    configuration = Postgres(state).data / "postgresql.conf"
    configuration.write_text("no_such_setting_at_all = 1\n")
    with pytest.raises(SetupError, match=r"postgres-failed(.|\n)*no_such_setting_at_all"):
        take(Postgres(state))


def test_a_database_directory_half_made_is_made_anew(state: Path) -> None:
    half = Postgres(state).home / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    take(Postgres(state)).release()
    assert not half.exists()


def test_a_fast_server_starts_empty_each_time(state: Path) -> None:
    first = take(Postgres(state, fast=True))
    remember(first)
    first.release()
    second = take(Postgres(state, fast=True))
    with connect(second) as connection:
        assert connection.execute("select to_regclass('kept')").fetchone() == (None,)
        assert connection.execute("show fsync").fetchone() == ("off",)
    second.release()


def test_a_fast_server_never_throws_durable_data_away(state: Path) -> None:
    lease = take(Postgres(state))
    remember(lease)
    with connect(lease) as connection:
        assert connection.execute("show fsync").fetchone() == ("on",)
    lease.release()
    with pytest.raises(SetupError, match="durable-data"):
        take(Postgres(state, fast=True))
    lease = take(Postgres(state))
    assert remembered(lease)
    lease.release()


# Modules are loaded before: they may lie in root's home.
AS_NOBODY = """
import os, sys
from pathlib import Path
from engine.servers.lease import take
from engine.servers.postgres import Postgres
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
lease = take(Postgres(Path(sys.argv[1])))
lease.release()
"""


def test_an_ordinary_user_runs_it_as_herself(workplace: Path) -> None:
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    state = workplace / "hers"
    state.mkdir()
    os.chown(state, uid, -1)
    done = run("-c", AS_NOBODY, str(state))
    assert done.returncode == 0, done.stderr
    assert (state / "postgres" / "data").stat().st_uid == uid


def test_a_state_directory_of_another_user_is_a_clear_error(state: Path) -> None:
    take(Postgres(state)).release()
    lock = Postgres(state).home / "start.lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(SetupError, match="state-unwritable"):
        take(Postgres(state))
    lock.rmdir()


def test_cleaning_refuses_while_a_command_uses_the_server_and_then_removes_everything(workplace: Path) -> None:
    state = project_below(workplace, "shop")
    lease = take(Postgres(state))
    data = Postgres(state).data.resolve()
    with pytest.raises(SetupError, match="in-use"):
        clean(state)
    lease.release()
    clean(state)
    assert not state.exists()
    assert not data.exists(), "also where it lies outside of the project"
