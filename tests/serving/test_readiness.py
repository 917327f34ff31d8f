"""A worker is ready while its database and Temporal answer, it polls, and its outbox is not behind."""

import pytest

from engine.composition import connect
from engine.serving.readiness import Readiness, as_json
from tests.workflows.shop import Shop


@pytest.fixture
def readiness(shop: Shop):
    async def make(*, polls: bool = True, stopping: bool = False, most_lag: float = 60) -> Readiness:
        return Readiness(shop.pool, await connect(), lambda: polls, lambda: stopping, most_lag)

    return make


def unwell(parts) -> list[str]:
    return [name for name, part in parts.items() if not part.ok]


async def test_all_is_well_where_everything_answers(readiness) -> None:
    parts = await (await readiness()).look()
    assert list(parts) == ["database", "temporal", "outbox", "pollers"]
    assert unwell(parts) == []
    assert as_json(parts)["ready"] is True


async def test_an_outbox_that_is_behind_is_told_with_its_bound(shop: Shop, readiness) -> None:
    shop.place()
    shop.execute("update outbox set recorded_at = now() - interval '90 seconds'")
    parts = await (await readiness()).look()
    assert unwell(parts) == ["outbox"]
    assert "expected at most 60 s" in parts["outbox"].reason


async def test_without_pollers_or_when_stopping_it_is_not_ready(readiness) -> None:
    assert unwell(await (await readiness(polls=False)).look()) == ["pollers"]
    stopping = await (await readiness(stopping=True)).look()
    assert unwell(stopping) == ["worker"]
    assert as_json(stopping)["ready"] is False


async def test_a_database_that_does_not_answer_is_told_without_its_address(shop: Shop, readiness) -> None:
    looking = await readiness()
    shop.pool.close()
    parts = await looking.look()
    assert unwell(parts) == ["database", "outbox"]
    assert parts["database"].reason == "PoolClosed"
