"""The migrations give the tables that `engine.facts.tables` declares, quickly and whoever else is at it."""

import multiprocessing

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.facts.migrate import current_revision, is_current, upgrade
from engine.facts.migrations import HEAD
from engine.facts.migrations.apply import alembic_config, connect
from engine.facts.tables import metadata


def _differences(url: str, schema: str) -> list[object]:
    with connect(url, schema) as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata)


@pytest.mark.parametrize("schema", ["public", "replay_january", 'odd "name"', "50%"])
def test_a_migrated_schema_is_what_the_tables_declare(database, schema):
    upgrade(database, schema)
    assert _differences(database, schema) == []
    assert current_revision(database, schema) == HEAD


def test_the_head_that_is_written_out_is_the_newest_revision():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_a_missing_column_is_noticed_by_the_comparison(connection, database):
    connection.execute("alter table orders drop column packed_at")
    connection.commit()
    assert [difference[0] for difference in _differences(database, "public")] == ["add_column"]


def test_migrating_again_changes_nothing(connection, database):
    connection.execute("insert into shops (key, name, zone, currency) values ('s', 'S', 'UTC', 'EUR')")
    connection.commit()
    upgrade(database)
    assert connection.execute("select key from shops").fetchall() == [("s",)]


def test_a_schema_that_was_never_migrated_has_no_revision(database):
    assert current_revision(database, "nowhere") is None
    assert not is_current(database, "nowhere")


def test_two_processes_may_migrate_the_same_schema_at_once(database):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=upgrade, args=(database, "shared")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert _differences(database, "shared") == []


def test_each_schema_has_its_own_version_and_tables(database):
    upgrade(database, "replay_one")
    with psycopg.connect(database) as connection:
        schemas = connection.execute(
            "select schemaname from pg_tables where tablename in ('orders', 'alembic_version') order by 1"
        ).fetchall()
    assert schemas == [("public",), ("public",), ("replay_one",), ("replay_one",)]
