"""Entry point of the command `regulars`."""

import importlib
import sys
import traceback

import typer

from engine.servers.errors import SetupError
from engine.servers.leave import leave

app = typer.Typer(
    name="regulars",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer lifecycles in commerce as code.",
)

# Each module registers its command on `app` in a function `register(app)`.
_COMMANDS = ("check", "doctor", "up", "worker")


_BUG = 70


def main() -> None:
    """Runs the command line and ends with its exit code."""
    for name in _COMMANDS:
        importlib.import_module(f"engine.cli.{name}").register(app)
    leave(_run())


def _run() -> int:
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001 - what no command foresaw is a bug, and has a code of its own
        traceback.print_exc()
        return _BUG
    return 0
