"""Which campaigns a simulation runs, and when: `--campaign NAME` or `--campaign NAME@INSTANT`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import typer

from engine.cli.instants import read_instant
from engine.journeys.campaign import Campaign
from engine.language.issues import did_you_mean
from engine.simulation.backtest import Window
from engine.simulation.campaign import moved

_OPTION = "--campaign"


def campaigns_in(
    known: Mapping[str, Campaign], asked: Sequence[str] | None, zone: str, start: datetime, to: datetime
) -> tuple[Campaign, ...]:
    """The campaigns of a simulation.

    Args:
        known: the campaigns of the rules.
        asked: names, each with or without `@` and the instant of its first wave; those that are not known are left
            out. None: the live ones that begin in the window.
        zone: the shop's, of local instants.
        start: the window's beginning.
        to: the window's end, exclusive.

    Raises:
        typer.BadParameter: the instant is none, or it does not lie in the window.
    """
    if asked is None:
        return tuple(each for each in known.values() if each.status == "live" and start <= each.waves[0].at < to)
    named = (_campaign(known, each, zone) for each in asked if _name(each) in known)
    found = {campaign.name: campaign for campaign in named}
    for campaign in found.values():
        _check_window(campaign, ZoneInfo(zone), start, to)
    return tuple(found.values())


def check_campaigns(asked: Sequence[str] | None, known: Collection[str]) -> None:
    """Refuses names that there are not.

    Raises:
        typer.BadParameter: there is no such campaign.
    """
    for name in map(_name, asked or ()):
        if name not in known:
            hint = did_you_mean(name, known) or "`regulars campaigns` lists them"
            raise typer.BadParameter(f"{_OPTION}: found {name!r}, expected a campaign of the rules ({hint})")


def _name(asked: str) -> str:
    return asked.partition("@")[0]


def _campaign(known: Mapping[str, Campaign], asked: str, zone: str) -> Campaign:
    name, at, instant = asked.partition("@")
    return moved(known[name], read_instant(instant, zone, _OPTION)) if at else known[name]


def _check_window(campaign: Campaign, zone: ZoneInfo, start: datetime, to: datetime) -> None:
    first = campaign.waves[0].at
    if not start <= first < to:
        begins, example = (f"{each.astimezone(zone):%Y-%m-%dT%H:%M}" for each in (first, start))
        raise typer.BadParameter(
            f"{_OPTION}: {campaign.name} begins at {begins}, expected an instant in the window "
            f"(`{_OPTION} {campaign.name}@{example}` lets it begin then)"
        )


def schedules(window: Window) -> Iterator[str]:
    """A line for each campaign: when its waves begin."""
    zone = ZoneInfo(window.rules.policy.zone)
    for campaign in window.campaigns:
        waves = ", ".join(
            f"{wave.id} {wave.at.astimezone(zone):%Y-%m-%d %H:%M}{'' if wave.at < window.to else ' (after the window)'}"
            for wave in campaign.waves
        )
        yield f"campaign {campaign.name}: {waves}"
