"""Entry point of the command `regulars`."""

import importlib
import sys

import typer

app = typer.Typer(
    name="regulars",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer lifecycles in commerce as code.",
)

# Each module registers its command on `app` in a function `register(app)`.
_COMMANDS = ("check",)


def main() -> None:
    """Runs the command line and ends with its exit code."""
    for name in _COMMANDS:
        importlib.import_module(f"engine.cli.{name}").register(app)
    app()
    sys.exit(0)
