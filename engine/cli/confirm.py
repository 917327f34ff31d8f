"""Asks for a number to be typed before many journeys are started or dropped."""

import sys

import typer


def confirmed(what: str, count: int, yes: int | None) -> bool:
    """Whether the person meant just so many journeys; says on standard error why not.

    Args:
        what: the verb: start, discard.
        count: how many journeys it concerns.
        yes: the number given as an option; without one it is asked for, on a terminal only.
    """
    if yes is None:
        if not sys.stdin.isatty():
            sys.stderr.write(f"{count} journeys are held: expected --yes {count} to {what} them\n")
            return False
        yes = typer.prompt(f"{count} journeys are held. Type their number to {what} them", type=int)
    if yes != count:
        sys.stderr.write(f"nothing was done: found the number {yes}, and {count} journeys are held\n")
    return yes == count
