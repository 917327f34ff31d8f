"""Entry point of the command `regulars`."""

import importlib
import sys
import traceback

import typer

from engine.servers.away import away
from engine.servers.errors import SetupError
from engine.servers.leave import leave

app = typer.Typer(
    name="regulars",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer lifecycles in commerce as code.",
)

# The module of each command, which registers it in a function `register(app)`.
_COMMANDS = {
    "activities": "activities",
    "apply": "apply",
    "attributes": "attributes",
    "campaigns": "campaigns",
    "check": "check",
    "demo": "demo",
    "diagram": "diagram",
    "doctor": "doctor",
    "evaluate": "evaluate",
    "events": "events",
    "explain": "explain",
    "import": "import_",
    "init": "init",
    "journeys": "journeys",
    "messages": "messages",
    "new": "new",
    "plan": "plan",
    "playbooks": "playbooks",
    "preview": "preview",
    "replay": "replay",
    "rollback": "rollback",
    "schemas": "schemas",
    "segment": "segment",
    "simulate": "simulate",
    "status": "status",
    "tag": "tag",
    "tasks": "journeys",
    "test": "test",
    "trace": "trace",
    "up": "up",
    "worker": "worker",
}

# Typer publishes only this subclass of the errors it raises for a wrong command line.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_WRONG = 1
_BUG = 70
_INTERRUPTED = 130


def main() -> None:
    """Runs the command line and ends with its exit code."""
    # Only what was asked for: some commands import Temporal's client, which takes seconds.
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    modules = [_COMMANDS[asked]] if asked in _COMMANDS else sorted(set(_COMMANDS.values()))
    for name in modules:
        importlib.import_module(f"engine.cli.{name}").register(app)
    leave(_run())


@app.callback()
def _of_its_own() -> None:
    """Keeps the command's name on the command line where only one is registered."""


def _run() -> int:
    try:
        result = app(standalone_mode=False)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except typer.Exit as ended:
        return ended.exit_code
    except _UsageError as mistake:
        # Typer would end with 2, which here means that a plan has changes.
        getattr(mistake, "show", lambda: None)()
        return _WRONG
    except typer.Abort:
        return _INTERRUPTED
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - what no command foresaw is a bug, and has a code of its own
        if (told := away(error)) is not None:
            sys.stderr.write(f"{told}\n")
            return told.exit_code
        traceback.print_exc()
        return _BUG
    return result if isinstance(result, int) else 0
