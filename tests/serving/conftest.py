import pytest
from prometheus_client import CollectorRegistry

from tests.workflows.fixtures import open_shop
from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.shop import Shop

__all__ = ["open_shop"]


@pytest.fixture
def shop(open_shop) -> Shop:
    return open_shop(make_rules(WAIT_AND_REMIND))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()
