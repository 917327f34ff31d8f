"""A directory of results that is there whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer


def expect_new(output: Path | None) -> None:
    """Makes sure, before any work is done, that the directory named by `--output` does not exist yet.

    Raises:
        typer.BadParameter: it does.
    """
    if output is not None and (output.exists() or output.is_symlink()):
        raise typer.BadParameter(f"--output: found {output}, expected a directory that does not exist yet")


@contextmanager
def whole_directory(output: Path) -> Iterator[Path]:
    """A directory to write into, which gets its name only when everything is written.

    Raises:
        typer.BadParameter: it cannot be made, or somebody has made one of that name meanwhile.
    """
    making: Path | None = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
        yield making
        making.chmod(0o755)
        expect_new(output)
        making.rename(output)
    except OSError as error:
        raise typer.BadParameter(f"--output: found {output}, which cannot be written: {error.strerror}") from None
    finally:
        if making is not None:
            shutil.rmtree(making, ignore_errors=True)
