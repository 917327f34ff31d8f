"""`regulars journeys`, `messages` and `tasks` over real rows: keys come out whole, whatever the window."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

KEY = "a-playbook-with-a-rather-long-name/order-1234567/1/a-step-with-a-long-name-too/1/email"
WORKFLOW = "a-playbook-with-a-rather-long-name/order-1234567/1"


@pytest.fixture
def shop(connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into shops (key, name, zone, currency, country) values ('main', 'Main', 'UTC', 'EUR', 'DE')"
    )
    connection.execute("insert into customers (key) values ('C-1'), ('C-2')")
    connection.execute(
        """insert into orders (shop_id, number, customer_id, placed_at, currency)
           values (1, 'N-1', 1, '2026-03-02 09:00Z', 'EUR')"""
    )
    connection.execute("insert into rule_versions (version, files) values ('v1', '{}')")
    connection.execute(
        """insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, order_id,
                                 started_at)
           values (%s, 'reminder', 'v1', 'order', 1, 1, 1, 1, '2026-03-02 09:00Z'),
                  ('care/customer-2/1', 'care', 'v1', 'customer', 2, 1, 2, null, '2026-03-03 09:00Z')""",
        (WORKFLOW,),
    )
    connection.execute(
        """insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, reason,
                                 due_at, at)
           values (%s, 1, 1, 'reminder', 'first', 'email', 'service', 'in_doubt', 'worker_died',
                   '2026-03-03 09:00Z', '2026-03-03 09:00Z')""",
        (KEY,),
    )
    connection.execute(
        """insert into tasks (key, journey_id, customer_id, order_id, task, team, title, opened_at)
           values (%s || '/call', 1, 1, 1, 'call', 'sales', 'Call about the order', '2026-03-03 09:00Z')""",
        (WORKFLOW,),
    )
    connection.commit()


@pytest.fixture
def project(tmp_path: Path, shop: None) -> Path:
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def regulars(project: Path, database: str, *arguments: str, code: int = 0) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env={"REGULARS_DATABASE_URL": database, "COLUMNS": "60", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == code, run.stdout
    return run.stdout


def test_journeys_are_found_by_the_shops_own_number(project: Path, database: str) -> None:
    every = regulars(project, database, "journeys")
    assert WORKFLOW in every
    assert "care/customer-2/1" in every

    assert "care/customer-2/1" not in regulars(project, database, "journeys", "--order", "N-1")
    assert WORKFLOW not in regulars(project, database, "journeys", "--customer", "C-2")
    assert regulars(project, database, "journeys", "--order", "N-2") == "journeys: none\n"


def test_a_journey_is_shown_with_its_messages(project: Path, database: str) -> None:
    shown = regulars(project, database, "journeys", "show", WORKFLOW)
    assert "in_doubt" in shown
    assert "2026-03-03 09:00:00" in shown


def test_a_journey_is_shown_with_its_calls_and_tasks(
    project: Path, database: str, connection: psycopg.Connection
) -> None:
    assert "calls" not in regulars(project, database, "journeys", "show", WORKFLOW)
    connection.execute(
        """insert into calls (key, journey_id, customer_id, step, iteration, activity, state, reason, at, attempts,
                              answer)
           values ('k1', 1, 1, 'reward', 1, 'call/club-points', 'failed', 'in_doubt', '2026-03-05 09:00Z', 1, '{}'),
                  ('k2', 1, 1, 'tell', 1, 'webhook', 'done', null, '2026-03-04 09:00Z', 2, '{"name": "Zenobia"}'),
                  ('k3', 2, 2, 'other', 1, 'webhook', 'done', null, '2026-03-04 09:00Z', 1, '{}')"""
    )
    connection.commit()
    shown = regulars(project, database, "journeys", "show", WORKFLOW)
    lines = [" ".join(line.replace("│", " ").split()) for line in shown.splitlines()]
    assert [line for line in lines if line.startswith(("tell", "reward", "other", "call "))] == [
        "tell webhook done 2026-03-04 09:00:00 2",
        "reward club-points failed in_doubt 2026-03-05 09:00:00 1",
        "call sales Call about the order 2026-03-03 09:00:00",
    ]
    assert "Zenobia" not in shown


def test_a_journey_that_temporal_could_not_be_told_of_shows_why(
    project: Path, database: str, connection: psycopg.Connection
) -> None:
    assert "not told" not in regulars(project, database, "journeys", "show", WORKFLOW)
    connection.execute(
        """insert into outbox (journey_id, kind, payload, at, attempts, error, not_before)
           values (1, 'start', '{}', '2026-03-02 09:00Z', 3, 'INVALID_ARGUMENT: too long', '2026-03-02 09:01Z')"""
    )
    connection.commit()
    shown = " ".join(regulars(project, database, "journeys", "show", WORKFLOW).split())
    assert "not told to Temporal yet (start, 3 attempts" in shown
    assert "INVALID_ARGUMENT: too long" in shown


def test_a_doubt_is_listed_with_its_whole_key_and_settled_by_it(
    project: Path, database: str, connection: psycopg.Connection
) -> None:
    assert KEY in regulars(project, database, "messages", "--in-doubt")

    regulars(project, database, "messages", "settle", KEY, "--not-sent", "--by", "anna")

    row = connection.execute("select state, reason, settled_by from messages").fetchone()
    assert row == ("failed", "settled_as_not_sent", "anna")
    assert regulars(project, database, "messages", "--in-doubt") == "messages in doubt: none\n"
    story = regulars(project, database, "messages", "show", KEY)
    assert story.startswith(f"Message {KEY}\n")
    assert "Failed: somebody found out at the provider's that it had not been sent" in story
    assert "there is no message" in regulars(project, database, "messages", "show", "no-such-key", code=1)


def test_a_task_is_closed_by_the_key_that_the_list_shows(project: Path, database: str) -> None:
    assert f"{WORKFLOW}/call" in regulars(project, database, "tasks")

    regulars(project, database, "tasks", "close", f"{WORKFLOW}/call", "--by", "anna")

    assert regulars(project, database, "tasks") == "tasks: none\n"
    assert "anna" in regulars(project, database, "tasks", "--all")


def test_what_is_not_there_is_said_without_a_traceback(project: Path, database: str) -> None:
    for arguments in (
        ("journeys", "show", "nothing/order-1/1"),
        ("messages", "settle", "nothing", "--sent", "--by", "anna"),
        ("tasks", "close", "nothing", "--by", "anna"),
        ("journeys", "--replay", "never-made"),
    ):
        said = regulars(project, database, *arguments, code=1)
        assert "Traceback" not in said
        assert "lists them" in said or "there is no replay" in said
