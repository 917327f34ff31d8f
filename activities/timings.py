"""How long reservations and providers take in this process, as histograms for Prometheus."""

import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram

from activities.providers.provider import Final, InDoubt, Retryable

T = TypeVar("T")

_RESERVE = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_PROVIDER = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_OUTCOMES: dict[type[BaseException], str] = {Retryable: "try_later", Final: "refused", InDoubt: "in_doubt"}


class Timings:
    """Measures; `registry` gives what was measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reserve = Histogram(
            "regulars_reserve_seconds",
            "Time to decide whether a message may leave, locks included.",
            buckets=_RESERVE,
            registry=self.registry,
        )
        self._provider = Histogram(
            "regulars_provider_seconds",
            "Time until a provider has answered.",
            ["provider", "outcome"],
            buckets=_PROVIDER,
            registry=self.registry,
        )

    @contextmanager
    def reserving(self) -> Iterator[None]:
        """Around a reservation."""
        with self._reserve.time():
            yield

    async def asking(self, provider: str, answer: Awaitable[T]) -> T:
        """Awaits a provider's answer and passes it on, or what it raised."""
        began, outcome = time.monotonic(), "accepted"
        try:
            return await answer
        except BaseException as error:
            outcome = _OUTCOMES.get(type(error), "broken_off")
            raise
        finally:
            self._provider.labels(provider, outcome).observe(time.monotonic() - began)
