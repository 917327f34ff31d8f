"""A shop of many, and a directory for its mirror."""

from pathlib import Path

import pytest

from tests.mirror.crowd import Crowd


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the mirror is; a name in which DuckDB must find no pattern."""
    return tmp_path / "mirror [1] *? 'a'"


@pytest.fixture
def crowd(connection) -> Crowd:
    """Forty customers, committed."""
    made = Crowd(connection)
    connection.commit()
    return made
