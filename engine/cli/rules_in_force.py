"""The rules in force for commands that judge by them, beside the project's files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.dispatch.in_force import InForce, come_into_force, is_applied, kept_versions, last
from engine.dispatch.versions import StoredVersions
from engine.language.issues import did_you_mean
from engine.language.rules import Rules
from engine.servers.errors import SetupError
from engine.servers.progress import say

Connection = psycopg.Connection[Any]
DIFFER = "the project's files differ from the rules in force, which count here: see `regulars plan`"


class WrongVersionError(SetupError):
    """No such version, or another one is in force than was expected; the operator's mistake, not the set-up's."""

    exit_code = 1


def starting_with(connection: Connection, own: Rules, now: datetime) -> Rules:
    """The rules to write by: the project's come into force unless anything was applied; it commits."""
    version = come_into_force(connection, own, now)
    return _said(own, own if version == own.version else StoredVersions().get(connection, version))


def judging_by(connection: Connection, own: Rules) -> Rules:
    """The rules to read by: those in force once anything was applied, else the project's."""
    if not is_applied(connection):
        return own
    return _said(own, InForce(own, StoredVersions()).look(connection))


def _said(own: Rules, found: Rules) -> Rules:
    if found.version != own.version:
        say(DIFFER)
    return found


def find_version(connection: Connection, text: str) -> str:
    """The whole name of a version that is kept, by its beginning.

    Raises:
        WrongVersionError: there is none, or several begin so.
    """
    kept = kept_versions(connection)
    found = [each for each in kept if each.startswith(text)] if text else []
    if len(found) == 1:
        return found[0]
    if found:
        message = f"found {text!r}, with which {len(found)} versions begin: {', '.join(found)}"
        raise WrongVersionError("several-versions", message, "write more of its name", "VERSION")
    message = f"found {text!r}, expected the beginning of a version: {_listed(connection, kept)}"
    hint = did_you_mean(text, kept) or "`regulars apply --history` lists those that were in force"
    raise WrongVersionError("no-version", message, hint, "VERSION")


def _listed(connection: Connection, kept: Sequence[str]) -> str:
    row = last(connection)
    marked = [f"{each} (in force)" if row is not None and each == row.version else each for each in kept[:10]]
    return ", ".join(marked) + (f" and {len(kept) - 10} more" if len(kept) > 10 else "") if marked else "none is kept"
