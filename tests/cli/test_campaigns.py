"""`regulars campaigns`, and what `regulars status` says of them, over real rows."""

import json

import pytest

from tests.cli.test_operations import BY, open_shop, project, regulars, status
from tests.projects import write_project
from tests.workflows.campaigning import Hand, campaign_rules, people, wave
from tests.workflows.fixtures import mailbox

__all__ = ["mailbox", "open_shop", "project", "regulars"]


@pytest.fixture
def shop(open_shop, tmp_path):
    waves = (wave("preheat", -1), wave("opening", 86400))
    shop = open_shop(campaign_rules(*waves, more="capacity: {per_hour: 2}\n"))
    write_project(tmp_path, shop.rules.files)
    people(shop, "ann", "ben", "cid")
    people(shop, "dan", email=None)
    return shop


@pytest.fixture
def project(shop, tmp_path):  # noqa: F811 - of these rules in place of the others
    return tmp_path


def line(screen, name):
    return next(each for each in screen.splitlines() if name in each)


async def test_a_campaign_is_listed_before_it_begins_and_with_its_progress_then(shop, regulars, mailbox):
    before = line(regulars("campaigns"), "winter")
    assert before.split("│")[2].strip() == "live"
    hand = Hand(shop, mailbox)
    await hand.plan("preheat")
    await hand.send("preheat")
    cells = [cell.strip() for cell in line(regulars("campaigns"), "winter").split("│")[1:-1]]
    assert cells[:3] == ["winter", "running", "preheat"]
    assert cells[4:] == ["4", "2", "1", "1", "0", "0"]
    shown = regulars("campaigns", "show", "winter")
    assert shown.startswith("winter: running; 4 customers")
    assert "capacity_reached" in shown
    assert "skipped" in line(shown, "no_address")
    # Its customers are no journeys of a playbook; whoever asks for them gets them.
    assert "winter/" not in regulars("journeys")
    assert "winter/customer-" in regulars("journeys", "--playbook", "winter")
    assert "winter" not in regulars("playbooks")


async def test_status_says_how_far_a_campaign_has_come(shop, project, mailbox):
    assert "campaigns" not in status(shop, project)
    hand = Hand(shop, mailbox)
    await hand.plan("preheat")
    await hand.send("preheat")
    assert "winter: wave preheat, 2 of 4 sent, 1 skipped, 1 held back" in status(shop, project)
    told = json.loads(status(shop, project, "--format", "json"))
    assert told["campaigns"]["winter"]["waves"]["preheat"] == {
        "planned": 0,
        "sent": 2,
        "skipped": 1,
        "waiting": 1,
        "failed": 0,
    }
    assert told["journeys"] == {}


def test_a_campaign_is_paused_resumed_and_killed_by_name(shop, regulars):
    assert regulars("campaigns", "pause", "winter", *BY) == "winter: paused by anna\n"
    assert "paused by anna" in line(regulars("campaigns"), "winter")
    assert regulars("campaigns", "resume", "winter", *BY) == "winter: resumed by anna\n"
    assert regulars("campaigns", "kill", "winter", *BY) == "winter: killed by anna\n"
    shown = regulars("campaigns", "show", "winter")
    assert [word for word in ("kill", "resume", "pause") if word in shown] == ["kill", "resume", "pause"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "wintr"), "did you mean winter?"),
        (("pause", "wintr", *BY), "did you mean winter?"),
        (("kill", "winter", "--by", "anna", "--reason", " "), "--reason: found nothing"),
    ],
)
def test_what_is_not_there_or_not_said_is_refused(regulars, arguments, told):
    assert told in " ".join(regulars("campaigns", *arguments, code=1).replace("│", " ").split())


async def test_a_campaign_that_is_over_takes_no_commands(shop, regulars):
    insert = "insert into campaign_runs (campaign, version, state, started_at) values ('winter', %s, 'ended', now())"
    shop.execute(insert, shop.rules.version)
    assert "is over (ended)" in " ".join(regulars("campaigns", "pause", "winter", *BY, code=1).split())
