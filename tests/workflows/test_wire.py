from datetime import UTC, datetime

import pytest

from engine.journeys.inputs import Cancelled, Told
from engine.journeys.wire import cancelled_by, stop_reason

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAID = datetime(2026, 3, 2, 11, 59, 59, 123456, tzinfo=UTC)


def test_a_stop_is_told_by_its_reason():
    assert cancelled_by(stop_reason("order.paid", PAID), NOW) == Told(PAID, "order.paid", stop=True)


@pytest.mark.parametrize(
    "reason",
    [
        "by Anna",
        "stopped: ",
        "stopped: the customer called",
        "stopped: order.paid at noon",
        "stopped: order.paid at 2026-13-45T00:00:00+00:00",
        "stopped: order.paid at 2026-03-02T12:00:00",
        "x" * 100_000,
    ],
)
def test_whatever_an_operator_writes_is_a_cancellation(reason):
    assert cancelled_by(reason, NOW) == Cancelled(NOW, reason)


@pytest.mark.parametrize("reason", [None, ""])
def test_a_cancellation_without_a_reason_is_one(reason):
    assert cancelled_by(reason, NOW) == Cancelled(NOW, "cancelled")
