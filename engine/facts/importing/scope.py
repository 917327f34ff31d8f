"""What the steps of a merge have in common: the connection, the import and the temporary table they hand on."""

from dataclasses import dataclass

from psycopg import sql

from engine.facts.importing.staging import Connection

RESOLVED = sql.Identifier("resolved")
"""The temporary table of the rows of the relation that is being merged."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is the same for all relations of an import."""

    connection: Connection
    digest: str
    shop_id: int
    currency: str


def count(scope: Scope, statement: sql.Composed) -> int:
    """The one number that a statement gives."""
    row = scope.connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
