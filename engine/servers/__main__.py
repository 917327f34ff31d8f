"""Runs a command with servers of its own: `python -m engine.servers --postgres --temporal -- COMMAND ARGS...`.

Without a command it only has the programs found, downloaded or built (`make servers`).
"""

import argparse
import sys
from pathlib import Path

from engine.servers.errors import SetupError
from engine.servers.external import temporal_configured
from engine.servers.leave import leave
from engine.servers.project import Project
from engine.servers.supervisor import Supervisor, Wanted
from engine.servers.temporal import Ports
from engine.servers.temporal_cli import find_temporal
from engine.servers.testserver import find_test_server
from engine.servers.yaml_server import find_yaml_server


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.servers", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="start PostgreSQL unless REGULARS_DATABASE_URL is set")
    parser.add_argument("--temporal", action="store_true", help="start Temporal unless its environment names a service")
    parser.add_argument("--test-server", action="store_true", help="have the time-skipping test server")
    parser.add_argument("--yaml-server", action="store_true", help="have yaml-language-server; without a command only")
    parser.add_argument("--free-ports", action="store_true", help="any free ports, not those of regulars.toml")
    parser.add_argument("--fast", action="store_true", help="for tests: empty servers without durability")
    parser.add_argument("--state", type=Path, help="directory for data and logs (default: the project's .regulars)")
    parser.add_argument("command", nargs="*", help="after --: the command and its arguments")
    return parser


def _main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _supervise(options) if options.command else _find(options)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _find(options: argparse.Namespace) -> int:
    if options.temporal and temporal_configured():
        sys.stderr.write("Temporal: a service is configured, none is started\n")
    elif options.temporal:
        sys.stderr.write(f"Temporal: {find_temporal()}\n")
    if options.test_server:
        sys.stderr.write(f"Temporal test server: {find_test_server()}\n")
    if options.yaml_server:
        sys.stderr.write(f"yaml-language-server: {find_yaml_server()}\n")
    return 0


def _supervise(options: argparse.Namespace) -> int:
    project = None if options.state and options.free_ports else Project.find()
    ports = Ports()
    if project and not options.free_ports:
        ports = Ports(project.settings.temporal_port, project.settings.temporal_ui_port)
    wanted = Wanted(
        database=options.postgres,
        temporal=options.temporal,
        test_server=options.test_server,
        ports=ports,
        fast=options.fast,
    )
    state = options.state or (project.state if project else Path())
    return Supervisor(state, wanted).run(options.command)


if __name__ == "__main__":
    leave(_main(sys.argv[1:]))
