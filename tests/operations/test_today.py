from datetime import UTC, datetime

import pytest

from engine.operations.today import midnight


@pytest.mark.parametrize(
    ("now", "zone", "began"),
    [
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        (datetime(2026, 7, 1, 21, 30, tzinfo=UTC), "Europe/Berlin", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        (datetime(2026, 3, 29, 12, tzinfo=UTC), "Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 7, 1, 3, tzinfo=UTC), "America/Sao_Paulo", datetime(2026, 7, 1, 3, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_the_shops_midnight_also_when_the_clock_is_changed(now, zone, began) -> None:
    assert midnight(now, zone) == began
