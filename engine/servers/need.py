"""What a command calls first: have the servers that it needs, whoever has to start them."""

import os
import sys

from engine.servers import held
from engine.servers.external import database_configured, temporal_configured
from engine.servers.lease import Lease, attach, running
from engine.servers.leave import leave
from engine.servers.postgres import Postgres
from engine.servers.project import Project
from engine.servers.supervisor import GRACE, Supervisor, Wanted, embedded_temporal, namespace
from engine.servers.temporal import Ports


def need(
    project: Project,
    *,
    database: bool = False,
    temporal: bool = False,
    default_ports: bool = False,
    grace: float = GRACE,
) -> None:
    """Returns when the environment of this process names the servers that the command needs.

    Servers that the environment configures are used as they are. Servers of the project that run already are used and
    kept running until this process ends. Otherwise this process becomes their supervisor: it runs the same command
    again as its child, with the environment set, and ends with the child's exit code. So call it before doing anything
    else, and end with `engine.servers.leave.leave` if a Temporal client was used.

    Args:
        project: whose servers.
        database: whether PostgreSQL is needed.
        temporal: whether Temporal is needed.
        default_ports: whether Temporal, if it is started here, listens on the ports of `regulars.toml` (7233 and 8233
            by default) in place of free ones.
        grace: seconds for the command to end after a signal, before it is killed.

    Raises:
        SetupError: a server cannot be had.
    """
    database = database and not database_configured()
    temporal = temporal and not temporal_configured()
    if not (database or temporal) or _attached(project, database=database, temporal=temporal):
        return
    chosen = Ports(project.settings.temporal_port, project.settings.temporal_ui_port) if default_ports else Ports()
    wanted = Wanted(database=database, temporal=temporal, ports=chosen, grace=grace)
    leave(Supervisor(project.state, wanted).run([sys.executable, *sys.orig_argv[1:]]))


def _attached(project: Project, *, database: bool, temporal: bool) -> bool:
    """Uses servers that run already, if all that are needed do."""
    leases: list[Lease] = []
    for name, wanted in (("postgres", database), ("temporal", temporal)):
        if wanted and (lease := _attach(project, name)):
            leases.append(lease)
    if len(leases) < database + temporal:
        for lease in leases:
            lease.release()
        return False
    for lease in leases:
        held.hold(lease)
        os.environ.update(lease.record.environment)
    if temporal:
        os.environ.setdefault("TEMPORAL_NAMESPACE", namespace())
    return True


def _attach(project: Project, name: str) -> Lease | None:
    if running(project.state / name) is None:
        return None
    if name == "postgres":
        return attach(Postgres(project.state))
    return attach(embedded_temporal(project.state, Ports()))
