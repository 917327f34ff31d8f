"""Commands as a person types them, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def regulars(*arguments: str, project: Path, database: str | None = None, code: int = 0) -> str:
    """What the command wrote to standard output; with another code than 0 all that it said, in one line.

    Args:
        arguments: the command and its options.
        project: the directory of the project.
        database: the address of the database; without one none is configured.
        code: the exit code that it must end with.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    if database is not None:
        environment["REGULARS_DATABASE_URL"] = database
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env={**environment, "COLUMNS": "200"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else " ".join((done.stdout + done.stderr).split())
