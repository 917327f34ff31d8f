"""`regulars status`, `journeys`, `playbooks` and `events` as people and scripts use them, over real rows."""

import importlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main
from tests.projects import write_project
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["open_shop"]

POOLS = "coupons: {thanks: {title: Thanks, low: 3}, sorry: {title: Sorry}, much: {title: Much}}"
RULES = make_rules(WAIT_AND_REMIND, more={"coupons.yaml": POOLS})
BY = ("--by", "anna", "--reason", "the texts are wrong")


@pytest.fixture
def shop(open_shop) -> Shop:
    shop = open_shop(RULES)
    shop.place("N-1", "c1")
    shop.place("N-2", "c2")
    shop.execute(
        """insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, reason,
                                 due_at, at)
           select v.state || '/' || v.reason, j.id, j.customer_id, j.playbook, v.state || v.reason, 'email', 'service',
                  v.state, nullif(v.reason, ''), now(), now()
             from journeys j,
                  (values ('sent', ''), ('skipped', 'no_consent'), ('in_doubt', 'worker_died')) v (state, reason)
            where j.order_id = 1"""
    )
    return shop


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, RULES.files)


def status(shop: Shop, project: Path, *arguments: str) -> str:
    """In a process of its own, without Temporal: this command ends its process itself."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "status", *arguments, "--project", str(project)],
        env={"REGULARS_DATABASE_URL": shop.url, "PYTHONIOENCODING": "utf-8", "HOME": str(project)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def regulars(shop: Shop, project: Path, tmp_path: Path, monkeypatch, capsys):
    for name in ("journeys", "playbooks", "events", "campaigns"):
        if name not in {group.name for group in main.app.registered_groups}:
            importlib.import_module(f"engine.cli.{name}").register(main.app)
    monkeypatch.setenv("REGULARS_DATABASE_URL", shop.url)

    def run(*arguments: str, code: int = 0, told: str = "") -> str:
        """As `regulars` would, within this process: starting one takes longer than all it does."""
        monkeypatch.setattr(sys, "argv", ["regulars", *arguments, "--project", str(tmp_path)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(told))
        assert main._run() == code
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.out + said.err

    return run


def test_status_is_one_screen_of_eighty_columns_and_the_same_as_json(project: Path, shop: Shop) -> None:
    shop.tell(shop.event("order.paid", "N-404"))
    shop.execute(
        """insert into playbook_controls (playbook, state, author, reason, at)
           values ('payment-reminder', 'paused', 'anna', repeat('because of this ', 12), now())"""
    )
    shop.execute("insert into coupons (pool, code) values ('thanks', 'A'), ('thanks', 'B'), ('much', 'C')")
    screen = status(shop, project)
    assert max(map(len, screen.splitlines())) <= 80
    assert len(screen.splitlines()) <= 24
    for told in (
        "Temporal does not run",
        f"version {RULES.version}",
        "sent 1, failed 0, held back 0",
        "no_consent 1",
        "payment-reminder                             2         0         0",
        "2 to be told",
        "1: regulars messages --in-doubt",
        "unknown_order 1: regulars events refused",
        "payment-reminder paused by anna since",
        "few left: thanks 2, sorry 0; import more",
    ):
        assert told in screen, screen
    told = json.loads(status(shop, project, "--format", "json"))
    assert told["today"]["sent"] == 1
    assert told["today"]["skipped"] == {"no_consent": 1}
    assert told["journeys"] == {"payment-reminder": {"running": 2, "waiting": 0, "paused": 0}}
    assert told["messages"]["in_doubt"] == 1
    assert told["outbox"]["count"] == 2
    assert told["refused"] == {"unknown_order": 1}
    assert told["held"][0]["author"] == "anna"
    assert told["coupons"] == {"much": 1, "thanks": 2}
    assert told["rules"]["project"] == RULES.version


def test_a_journey_is_paused_resumed_and_cancelled_by_its_id(regulars, shop: Shop) -> None:
    first = shop.journey("N-1")["workflow_id"]
    assert regulars("journeys", "pause", first, *BY) == "1 journey paused by anna\n"
    assert first in regulars("journeys", "list", "--state", "paused")
    shown = regulars("journeys", "show", first)
    assert "paused by anna since" in shown
    assert "the texts are wrong" in shown
    assert regulars("journeys", "resume", "--playbook", "payment-reminder", *BY) == "1 journey resumed by anna\n"

    said = regulars("journeys", "cancel", first, *BY, "--wait", "0", code=3)
    assert "1 journey cancelled by anna" in said
    assert "does a worker run?" in said
    regulars("journeys", "cancel", "--all", *BY, "--wait", "0", code=3)
    assert regulars("journeys", "cancel", "--all", *BY) == "0 journeys cancelled by anna\n"
    assert [state for _, state, _ in shop.journeys()] == ["cancelled", "cancelled"]


def test_an_action_without_a_choice_a_reason_or_a_known_name_does_nothing(regulars, shop: Shop) -> None:
    first = shop.journey("N-1")["workflow_id"]
    for arguments, told in (
        (("journeys", "pause", *BY), "expected IDs, --playbook NAME or --all"),
        (("journeys", "pause", first, "--by", "anna", "--reason", " "), "--reason: found nothing"),
        (("journeys", "pause", "nothing/order-1/1", *BY), "lists them"),
        (("journeys", "cancel", "--playbook", "payment-remainder", *BY), "did you mean payment-reminder?"),
        (("playbooks", "kill", "payment-remainder", *BY), "did you mean payment-reminder?"),
        (("playbooks", "pause", *BY), "expected a NAME or --all"),
    ):
        assert told in " ".join(regulars(*arguments, code=1).replace("│", " ").split())
    assert shop.rows("select 1 from actions") == []


def test_a_playbook_is_killed_and_resumed_and_the_list_says_by_whom(regulars) -> None:
    assert regulars("playbooks", "kill", "payment-reminder", *BY) == "payment-reminder: killed by anna\n"
    listed = regulars("playbooks")
    assert "killed by anna since" in listed
    assert "Payment reminder" in listed
    assert regulars("playbooks", "resume", "payment-reminder", *BY) == "payment-reminder: resumed by anna\n"
    assert "nothing changed" in regulars("playbooks", "resume", "--all", *BY)
    history = regulars("playbooks", "show", "payment-reminder")
    assert history.index("resume") < history.index("kill")


def test_events_are_told_from_a_file_listed_where_refused_and_tried_again(regulars, shop: Shop, tmp_path: Path) -> None:
    paid = shop.event("order.paid", "N-3", key="p").to_json()
    placed = shop.event("order.placed", "N-3", customer="c3", key="o", data={"customer": dict(ZENOBIA)}).to_json()
    wrong = {**placed, "key": "w", "data": {"total": "much"}}
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(each) for each in (paid, wrong)) + "\n\n")
    answers = [json.loads(line) for line in regulars("events", "tell", str(file)).splitlines()]
    assert [(each["line"], each["answer"], each["code"]) for each in answers] == [
        (1, "refused", "unknown_order"),
        (2, "refused", "contract_violation"),
    ]
    listed = regulars("events", "refused")
    assert "order:main/N-3" in listed
    assert "contract_violation" not in regulars("events", "refused", "--code", "unknown_order")

    assert '"answer": "accepted"' in regulars("events", "tell", "-", told=json.dumps(placed))
    assert regulars("events", "replay") == "0 accepted, 1 still wait\n"  # the payment came with its order
    regulars("events", "tell", "-", "--strict", told=json.dumps(wrong), code=1)
    assert "standard input:1:2: found" in " ".join(regulars("events", "tell", "-", told="{", code=1).split())
