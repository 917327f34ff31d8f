"""What the environment configures: servers of one's own, which are used and never started."""

import os
import re
from pathlib import Path

from engine.servers.errors import SetupError


def database_configured() -> bool:
    """Whether `REGULARS_DATABASE_URL` names a PostgreSQL server."""
    return bool(os.environ.get("REGULARS_DATABASE_URL"))


def temporal_configured() -> bool:
    """Whether Temporal's own environment configuration names a service: `TEMPORAL_ADDRESS` or a profile in a file."""
    return bool(os.environ.get("TEMPORAL_ADDRESS")) or (temporal_file().is_file() and _profile_has_address())


def temporal_file() -> Path:
    """Where Temporal's configuration file is looked for."""
    named = os.environ.get("TEMPORAL_CONFIG_FILE")
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(named) if named else Path(base) / "temporalio" / "temporal.toml"


def _profile_has_address() -> bool:
    from temporalio.envconfig import ClientConfigProfile  # noqa: PLC0415 - loads the SDK, wanted only with such a file

    try:
        return ClientConfigProfile.load().address is not None
    except RuntimeError as error:
        raise SetupError(
            "bad-temporal-config", str(error), "correct the file, or set TEMPORAL_ADDRESS", str(temporal_file())
        ) from None


def redacted(url: str) -> str:
    """The URL or connection string without its passwords, for people to read."""
    url = re.sub(r"(://[^/?#]*?:)[^@/?#]*@", r"\1***@", url)
    return re.sub(r"(?i)((?:password|sslpassword|passfile|api_?key|token)\s*=\s*)('[^']*'|[^\s&]+)", r"\1***", url)
