"""Fixtures for tests on real servers; a directory's conftest imports those that it uses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from activities.providers.mailbox import Mailbox
from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules, is_test
from tests.workflows.namespaces import drop_namespaces, take_namespace
from tests.workflows.shop import Shop

RULES = Path(__file__).parents[2] / "rules"
MakeShop = Callable[[Rules], Shop]


@pytest.fixture(scope="session")
def namespaces() -> Iterator[None]:
    """Lets go of the namespaces in the end."""
    yield
    drop_namespaces()


@pytest.fixture
def namespace(namespaces: None) -> str:
    """A Temporal namespace of this test's own."""
    return take_namespace()


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
    playbooks = {path: text for path, text in files.items() if path.startswith("playbooks/")}
    for path, text in playbooks.items():
        short = text.replace("did_not: {event: case.opened, within: 24h}", "did_not: {event: case.opened, within: 1s}")
        for number, hours in enumerate(("4h", "24h", "48h"), 1):
            short = short.replace(f"- wait: {hours}", "- wait: 2s")
            short = short.replace(f"{{for: {hours}, hours: business,", f"{{for: {number}s,")
        playbooks[path] = short
    policy = files["policy.yaml"].replace('start: "21:00"', 'start: "00:00"').replace('end: "08:00"', 'end: "00:01"')
    return compile_rules({**files, **playbooks, "policy.yaml": policy})
