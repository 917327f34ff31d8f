"""A timeline as text: by the customer's clock, and by the shop's where that is another."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.trace.timeline import Moment, Path, Timeline

_LABELS = {"question": "asked", "came": "heard", "people": "by hand", "stands": "now"}
_UNTIL = {"message": "until", "wait": "until", "stands": "until", "task": "due", "tag": "until", "coupon": "good until"}


def text_of(timeline: Timeline) -> str:
    """The whole timeline, readable aloud."""
    clock = _Clock(timeline.zone, timeline.shop_zone)
    lines = list(_head(timeline))
    for path in timeline.paths:
        lines += ["", *_path(path, clock)]
    return "\n".join(lines) + "\n"


class _Clock:
    """Instants by the customer's clock; beside it the shop's, where it shows another time."""

    def __init__(self, zone: str, shop_zone: str) -> None:
        self.own, self.shop = ZoneInfo(zone), ZoneInfo(shop_zone)
        self.both = zone != shop_zone

    def at(self, instant: datetime) -> str:
        """`2025-03-02 09:00:00`."""
        return f"{instant.astimezone(self.own):%Y-%m-%d %H:%M:%S}"

    def columns(self, instant: datetime) -> str:
        """The same, and the shop's time."""
        if not self.both:
            return self.at(instant)
        own, shop = instant.astimezone(self.own), instant.astimezone(self.shop)
        away = (shop.date() - own.date()).days
        day = f" {'+' if away > 0 else '-'}1 day" if away else ""
        return f"{self.at(instant)}  {f'{shop:%H:%M:%S}{day}'.ljust(15 if self.both else 8)}"


def _head(timeline: Timeline) -> Iterator[str]:
    yield f"{timeline.title} ({timeline.playbook}): customer {timeline.customer} (our number {timeline.customer_id})"
    how = "as it was recorded" if timeline.source == "recorded" else "as a simulation has it; nothing was sent"
    shop = f", beside it by the shop's ({timeline.shop_zone})" if timeline.zone != timeline.shop_zone else ""
    yield f"{how[:1].upper()}{how[1:]}. Times are by her clock ({timeline.zone}){shop}."
    yield from timeline.notes


def _path(path: Path, clock: _Clock) -> Iterator[str]:
    about = f", about {path.about}" if path.about else ""
    outcome = f" ({path.outcome})" if path.outcome and path.outcome != path.state else ""
    yield f"{path.name}{about}: {path.state}{outcome}, rules version {path.version}"
    for moment in path.moments:
        yield from _moment(moment, clock)


def _moment(moment: Moment, clock: _Clock) -> Iterator[str]:
    label = _LABELS.get(moment.what, moment.what)
    until = f", {_UNTIL.get(moment.what, 'until')} {clock.at(moment.until)}" if moment.until else ""
    head = f"  {clock.columns(moment.at)}  {label.ljust(9)} "
    yield f"{head}{moment.words}{until}"
    yield from (f"{' ' * len(head)}{line}" for line in moment.because)
