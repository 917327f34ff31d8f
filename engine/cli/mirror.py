"""The mirror of a project, for commands that ask about everybody."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.cli.evaluate import told_progress
from engine.mirror.errors import told_of_disks
from engine.mirror.open import Mirror, mirror_directory, opened_mirror
from engine.servers.project import Project


@contextmanager
def project_mirror(project: Project, url: str, *, anew: bool = False) -> Iterator[Mirror]:
    """Opens the mirror of a project's facts, up to date; what is not as usual is said on standard error.

    Args:
        project: whose state has the mirror.
        url: of the database, migrated.
        anew: everything is built again.

    Raises:
        MirrorError: the disk is full or cannot be used.
    """
    directory = mirror_directory(project.state, url)
    with told_of_disks(directory), ExitStack() as stack:
        with told_progress() as tell:
            opening = opened_mirror(url, "public", directory, say=_say, tell=tell, anew=anew)
            mirror = stack.enter_context(opening)
        yield mirror


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
