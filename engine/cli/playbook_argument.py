"""The argument PLAYBOOK of commands that show one."""

import typer

from engine.journeys.plan import Plan
from engine.language.issues import did_you_mean
from engine.language.rules import Rules


def find_playbook(rules: Rules, name: str) -> Plan:
    """The plan of a playbook, or of one customer's part of a campaign; drafts and paused ones too.

    Raises:
        typer.BadParameter: there is no sound playbook of that name.
    """
    if (plan := rules.plan(name)) is not None:
        return plan
    if f"playbook {name}" in rules.disabled or f"campaign {name}" in rules.disabled:
        raise typer.BadParameter(f"PLAYBOOK: found {name}, which has mistakes; `regulars check` tells which")
    hint = did_you_mean(name, (*rules.plans, *rules.campaigns)) or "`regulars playbooks` lists them"
    raise typer.BadParameter(f"PLAYBOOK: found {name!r}, expected a playbook of the rules ({hint})")
