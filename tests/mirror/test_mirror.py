"""The mirror shows the rows that the fold reads, after whatever has changed."""

import pytest

from tests.facts.shop import Shop
from tests.mirror.same import differences, open_small


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "mirror"


def test_an_empty_database_has_an_empty_mirror(connection, database, directory):
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_one_order(connection, database, directory):
    shop = Shop(connection)
    shop.order("1", "2026-01-01T10:00")
    connection.commit()
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}
    shop.order("2", "2026-01-01T10:00")
    connection.commit()
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}
