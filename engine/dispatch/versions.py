"""Versions of the rules, kept in the database by content hash: a journey's own version can be compiled again."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

from engine.journeys.plan import Plan
from engine.language.rules import Rules, compile_rules

log = logging.getLogger("regulars.versions")


def publish(connection: psycopg.Connection[Any], rules: Rules) -> str:
    """Keeps these rules under their content hash and gives it; the caller commits. Known rules change nothing."""
    connection.execute(
        "insert into rule_versions (version, files) values (%s, %s) on conflict (version) do nothing",
        (rules.version, Jsonb(dict(rules.files))),
    )
    return rules.version


class Versions(Protocol):
    """Whoever can give the rules of a version."""

    def get(self, connection: psycopg.Connection[Any], version: str) -> Rules:
        """The compiled rules of a version."""
        ...


@dataclass
class StoredVersions:
    """The versions kept in a database, compiled once each."""

    compiled: dict[str, Rules] = field(default_factory=dict)

    def get(self, connection: psycopg.Connection[Any], version: str) -> Rules:
        """The compiled rules of a version.

        Raises:
            LookupError: the version has never been published here.
        """
        if version not in self.compiled:
            row = connection.execute("select files from rule_versions where version = %s", (version,)).fetchone()
            if row is None:
                raise LookupError(f"rules version {version} is not in the database")
            files: Mapping[str, str] = row[0]
            self.compiled[version] = compile_rules(files)
        return self.compiled[version]

    def find(self, connection: psycopg.Connection[Any], version: str, playbook: str) -> Plan | None:
        """The plan of a playbook in a version; none where this engine cannot make it of the version's rules.

        That happens after an update that has become stricter. The journeys go on by the plans that they carry, but
        nothing of theirs is sent, so whoever only asks what they listen to can leave them out.
        """
        try:
            return self.plan(connection, version, playbook)
        except LookupError as unknown:
            log.warning("%s", unknown)
            return None

    def plan(self, connection: psycopg.Connection[Any], version: str, playbook: str) -> Plan:
        """The plan of a playbook, or of one customer's part of a campaign, in a version.

        Raises:
            LookupError: the version or its playbook is not known.
        """
        plan = self.get(connection, version).plan(playbook)
        if plan is None:
            raise LookupError(f"rules version {version} has no playbook {playbook}")
        return plan
