"""What `regulars trace` refuses, with a hint; and drafts, which it simulates."""

from pathlib import Path

import pytest

from tests.commands import regulars
from tests.projects import write_project
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import HEAD, WAIT_AND_REMIND, make_rules
from tests.workflows.shop import Shop, now

__all__ = ["open_shop"]
DRAFT = make_rules(WAIT_AND_REMIND, head=HEAD + "status: draft\n")


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    write_project(tmp_path, DRAFT.files)
    shop = open_shop(DRAFT)
    shop.place(at=now().replace(year=2025), customer="somebody")
    return shop


def trace(project: Path, shop: Shop, *arguments: str, code: int) -> str:
    return regulars("trace", *arguments, project=project, database=shop.url, code=code)


def test_a_draft_is_simulated_for_one_customer_who_has_all_the_room(shop: Shop, tmp_path: Path):
    window = ("--simulated", "--from", "2025-01-01", "--to", "2026-01-01")
    policy = tmp_path / "rules" / "policy.yaml"
    policy.write_text(policy.read_text() + "  capacities: {email: {per_day: 1}}\n")
    told = trace(tmp_path, shop, "somebody", "payment-reminder", *window, code=0)
    assert "Begins with order.placed" in told
    assert "First reminder by email: sent by email, wording reminder" in told
    assert "Assumed: she is simulated alone: capacities and channel limits have room." in told
    assert shop.journeys() == []


ASKED = ("somebody", "payment-reminder")
BEGINS, ENDS = ("--from", "2025-01-01"), ("--to", "2025-02-01")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("somebodi", "payment-reminder"), "CUSTOMER: found 'somebodi', expected a customer's name"),
        (("somebodi", "payment-reminder"), "did you mean somebody?"),
        (("somebody", "payment-remind"), "did you mean payment-reminder?"),
        ((*ASKED, "--simulated"), "found no window, expected --from and --to"),
        ((*ASKED, *BEGINS), "expected beside --simulated"),
        ((*ASKED, "--simulated", "--from", "2025-02-01", "--to", "2025-01-01"), "not lie before"),
        ((*ASKED, "--simulated", "--from", "soon", *ENDS), "--from: found 'soon'"),
        ((*ASKED, "--simulated", *BEGINS, *ENDS, "--replay", "x"), "found --replay beside it"),
        ((*ASKED, "--replay", "never"), "there is no replay 'never'"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_hint(shop: Shop, tmp_path: Path, arguments, told: str):
    assert told in trace(tmp_path, shop, *arguments, code=1)
