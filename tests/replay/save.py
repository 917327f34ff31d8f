"""Saves histories of journeys, so that the tests can replay them with the code of later versions.

    python tools/histories/save.py 0.1.0 --namespace replay-demo-1 payment-reminder/order-796/1 …

By Temporal's environment configuration. Run it at each release over journeys that took different ways, and never
change what is saved: a history that no longer replays is a journey that would stand still. See docs/adr/0004.
"""

import argparse
import asyncio
import gzip
import json
import sys
from pathlib import Path
from typing import Any

from engine.composition import connect
from engine.servers.leave import leave

SAVED = Path(__file__).resolve().parents[2] / "tests" / "workflows" / "histories"


async def save(version: str, namespace: str, ids: list[str]) -> int:
    """Writes one file for each journey and says which."""
    directory = SAVED / version
    directory.mkdir(parents=True, exist_ok=True)
    client = await connect(namespace)
    for workflow_id in ids:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        file = directory / f"{workflow_id.replace('/', '.')}.json.gz"
        text = json.dumps({"id": workflow_id, "history": _without_machine(json.loads(history.to_json()))}, indent=1)
        file.write_bytes(gzip.compress(text.encode(), mtime=0))
        sys.stdout.write(f"{file.relative_to(SAVED)}: {len(history.events)} events\n")
    return 0


def _without_machine(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The history without the names of the machine and its processes."""
    if isinstance(value, list):
        return [_without_machine(each) for each in value]
    if not isinstance(value, dict):
        return value
    hidden = {key: "worker" for key in ("identity",) if key in value}
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        hidden["name"] = "sticky"
    return {key: _without_machine(each) for key, each in value.items()} | hidden


def main() -> None:
    """Reads the arguments and ends with the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="the released version, which names the directory")
    parser.add_argument("ids", nargs="+", help="workflow ids")
    parser.add_argument("--namespace", default="default")
    options = parser.parse_args()
    leave(asyncio.run(save(options.version, options.namespace, options.ids)))


if __name__ == "__main__":
    main()
