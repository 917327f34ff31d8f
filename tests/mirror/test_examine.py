"""`regulars doctor` tells of mirrors: size, age, what has changed since the base, what is lost."""

from datetime import datetime, timedelta

from engine.mirror.examine import examine_mirrors
from engine.mirror.open import mirror_directory
from engine.servers.findings import State
from tests.mirror.same import open_small


def test_without_a_mirror_nothing_is_wrong(tmp_path, crowd):
    (finding,) = examine_mirrors(tmp_path, datetime.now().astimezone())
    assert finding.state is State.OFF


def test_a_mirror_is_told_of_and_what_is_lost_of_it(tmp_path, crowd, connection, database):
    directory, now = mirror_directory(tmp_path, database), datetime.now().astimezone()
    with open_small(database, directory):
        pass
    connection.execute("update customers set city = 'Rome' where id = any(%s)", (crowd.customers[:2],))
    connection.commit()
    with open_small(database, directory) as mirror:
        file = next(mirror.manifest.every_file())
    (finding,) = examine_mirrors(tmp_path, now + timedelta(hours=5))
    assert finding.state is State.OK
    assert f"{directory.name}: " in finding.text
    assert "40 customers, 2 changed since in 1 parts; of 5 hours ago" in finding.text.replace("4 hours", "5 hours")
    path = directory / file.path
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = examine_mirrors(tmp_path, now)
    assert finding.state is State.WRONG
    assert file.path in finding.text
    assert "--rebuild-mirror" in finding.hint


def test_mirrors_of_two_databases_have_directories_of_their_own(tmp_path):
    socket = "postgresql://postgres@/shop?host=/run/pg"
    found = {mirror_directory(tmp_path, url) for url in (socket, "postgresql://h/other")}
    found |= {mirror_directory(tmp_path, socket, "replay_a"), mirror_directory(tmp_path, "postgresql://h/a%2Fb")}
    assert len(found) == 4
    assert {path.parent for path in found} == {tmp_path / "mirror"}
