"""Fixtures for tests on real servers; a directory's conftest imports those that it uses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from activities.providers.mailbox import Mailbox
from engine.language.rules import Rules
from tests.workflows.namespaces import drop_namespaces, drop_unused, take_namespace
from tests.workflows.shop import Shop

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
