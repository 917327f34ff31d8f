"""`regulars preview` over a shop's own people: whom it is filled in for, and what it writes."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.commands import regulars
from tests.preview.test_preview import FILES
from tests.projects import write_project
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import make_rules
from tests.workflows.shop import ZENOBIA, Shop, now

__all__ = ["open_shop"]
REMINDER = make_rules("steps:\n  - send: {id: first, channel: email, template: reminder}\n")


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    write_project(tmp_path / "project", REMINDER.files)
    return open_shop(REMINDER)


def preview(project: Path, shop: Shop | None, *arguments: str, code: int = 0) -> str:
    return regulars("preview", *arguments, project=project, database=shop and shop.url, code=code)


def test_it_is_filled_in_for_whom_the_playbook_fits(shop: Shop, tmp_path: Path):
    project = tmp_path / "project"
    empty = preview(project, shop, "payment-reminder")
    assert "Filled in for an example: the shop has no customer yet." in empty
    assert "Example values, not the shop's: customer, order, shop." in empty

    shop.tell(shop.event("customer.registered", customer="nobody", data={"given_name": "Nobody"}))
    shop.execute("insert into customers (key, given_name) values ('without-orders', 'Olga')")
    without = preview(project, shop, "payment-reminder", "--customer", "without-orders")
    assert "Filled in for customer without-orders: as asked for, with no order yet: its values are examples." in without
    assert "Dear Olga," in without
    assert "EXAMPLE-1" in without

    shop.place("N-1", "slip", at=now() - timedelta(days=3))
    shop.place(
        "N-2", "card", at=now() - timedelta(days=2), payment_method="card", person={**ZENOBIA, "given_name": "Kim"}
    )
    shop.execute("delete from outbox")
    shop.execute("delete from journeys")
    fits = preview(project, shop, "payment-reminder")
    assert "customer slip, order N-1: the latest of those for whom the playbook would have started." in fits
    assert "Dear Zenobia," in fits
    assert "xample" not in fits
    assert "order N-2: as asked for." in preview(project, shop, "payment-reminder", "--customer", "card")

    shop.place("N-3", "journey")
    shop.place("N-4", "later", payment_method="card", person={**ZENOBIA, "given_name": "Lea"})
    assert "order N-3: the latest journey of the playbook is hers." in preview(project, shop, "payment-reminder")


def test_a_directory_is_written_whole_or_not_at_all(shop: Shop, tmp_path: Path):
    output = tmp_path / "preview"
    told = preview(tmp_path / "project", shop, "payment-reminder", "--output", str(output))
    assert told == f"written: {output / 'index.html'} with 1 message, for an example\n"
    assert sorted(path.name for path in output.iterdir()) == ["first.email.reminder.en.txt", "index.html"]
    again = preview(tmp_path / "project", shop, "payment-reminder", "--output", str(output), code=1)
    assert "expected a directory that does not exist yet" in again
    beside = tmp_path / "beside"
    preview(tmp_path / "project", shop, "payment-remind", "--output", str(beside), code=1)
    assert not beside.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (tmp_path / "file").write_text("")
    refused = preview(tmp_path / "project", shop, "payment-reminder", "--output", str(tmp_path / "file" / "x"), code=1)
    assert "which cannot be written" in refused


def test_with_examples_no_database_is_needed_and_what_is_missing_ends_with_1(tmp_path: Path):
    write_project(tmp_path, FILES)
    assert "Welcome Example" in preview(tmp_path, None, "all", "--examples", "--locale", "en")
    told = preview(tmp_path, None, "all", "--examples", "--locale", "de", code=1)
    assert "Ihr Code: EXAMPLE-CODE" in told
    assert "rules/playbooks/all.yaml:13:55: error RG306 unknown template" in told
    assert "expected: rules/templates/hello.de.sms" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("payment-remind",), "did you mean payment-reminder?"),
        (("payment-reminder", "--customer", "nobody-at-all"), "--customer: found 'nobody-at-all', expected"),
        (("payment-reminder", "--locale", "deutsch!"), "--locale: found 'deutsch!', expected a language"),
        (("payment-reminder", "--examples", "--customer", "x"), "found --customer beside it"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_hint(shop: Shop, tmp_path: Path, arguments, told: str):
    assert told in preview(tmp_path / "project", shop, *arguments, code=1)
