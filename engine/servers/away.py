"""A server that does not answer is no bug: what is said of it in place of a traceback."""

import os
import sys

from engine.servers.errors import SetupError
from engine.servers.external import redacted

# Connections that fail have no code; the classes are those of lost connections and of servers that shut down.
_GONE = ("08", "57P")


def away(error: BaseException) -> SetupError | None:
    """What an operator is told if an exception says that a server cannot be reached; None if it says anything else."""
    if _without_database(error):
        reason = (str(error).strip().splitlines() or ["no answer"])[-1].strip()
        where = redacted(os.environ.get("REGULARS_DATABASE_URL", "its address"))
        message = f"PostgreSQL at {where} does not answer: {redacted(reason)}"
        return SetupError("database-unreachable", message, "start it, or correct REGULARS_DATABASE_URL, and try again")
    if isinstance(error, RuntimeError) and str(error).startswith("Failed client connect"):
        message = f"Temporal at {os.environ.get('TEMPORAL_ADDRESS', 'its address')} does not answer"
        return SetupError("temporal-unreachable", message, "start it, or correct TEMPORAL_ADDRESS, and try again")
    return None


def _without_database(error: BaseException) -> bool:
    # Nothing can have failed in a driver that was never loaded, and loading it takes time.
    driver = sys.modules.get("psycopg")
    if driver is None or not isinstance(error, driver.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_GONE)
