"""Shops of the tests of reserve: one of a test's own, or one that a file's tests share, each with people of its own."""

import itertools
from collections.abc import Iterator

import pytest

from tests.messages_reserve.asking import People, rules
from tests.workflows.fixtures import open_shop
from tests.workflows.shop import Shop

__all__ = ["open_shop"]


@pytest.fixture(scope="module")
def shared_shop(module_database: str) -> Iterator[Shop]:
    shop = Shop(module_database, rules())
    yield shop
    shop.close()


_numbers = itertools.count(1)


@pytest.fixture
def people(shared_shop: Shop) -> Iterator[People]:
    """People who have ordered yesterday and have not paid; what a test does to counters and controls ends with it."""
    yield People(shared_shop, _numbers)
    shared_shop.execute("delete from playbook_controls")
    shared_shop.execute("delete from capacity_use")
    shared_shop.execute("delete from channel_limits")
