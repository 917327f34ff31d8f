"""Fixtures for tests on real servers; a directory's conftest imports those that it uses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from activities.providers.mailbox import Mailbox
from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules, is_test
from tests.workflows.namespaces import drop_namespaces, drop_unused, take_namespace
from tests.workflows.shop import Shop

RULES = Path(__file__).parents[2] / "rules"
MakeShop = Callable[[Rules], Shop]


@pytest.fixture(scope="session")
def namespaces() -> Iterator[None]:
    """Lets go of prepared namespaces in the end."""
    yield
    drop_unused()


@pytest.fixture
def namespace(namespaces: None) -> Iterator[str]:
    """A Temporal namespace of this test's own."""
    name = take_namespace()
    yield name
    drop_namespaces(name)


@pytest.fixture
def open_shop(database: str) -> Iterator[MakeShop]:
    """Opens the test's shop under these rules."""
    opened: list[Shop] = []

    def open_(rules: Rules) -> Shop:
        opened.append(Shop(database, rules))
        return opened[-1]

    yield open_
    for shop in opened:
        shop.close()


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mailbox")


@pytest.fixture(scope="session")
def shipped_rules() -> Rules:
    """The rules as they ship, with seconds in place of hours and no quiet."""
    files = {path: text for path, text in read_directory(RULES).items() if not is_test(path)}
    playbook = files["playbooks/payment-reminder.yaml"]
    for hours in ("24h", "48h"):
        playbook = playbook.replace(f"- wait: {hours}", "- wait: 2s")
    policy = files["policy.yaml"].replace('start: "21:00"', 'start: "00:00"').replace('end: "08:00"', 'end: "00:01"')
    return compile_rules({**files, "playbooks/payment-reminder.yaml": playbook, "policy.yaml": policy})
