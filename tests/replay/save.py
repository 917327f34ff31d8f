"""Saves what a release has made, so that later versions must replay it: `python -m tests.replay.save 0.1.0 [ID...]`.

The histories of the scenes are copied as they are, and those of the named journeys are fetched from a server, by
Temporal's environment configuration. What is saved under a version is never changed: a history that no longer
replays is a journey that would stand still. See docs/adr/0004.
"""

import argparse
import asyncio
import shutil

from engine.composition import connect
from engine.servers.leave import leave
from tests.replay.portable import HISTORIES, write


async def save(version: str, namespace: str, ids: list[str]) -> int:
    """Fills the version's directory and says with what."""
    directory = HISTORIES / version
    directory.mkdir(parents=True, exist_ok=True)
    for scene in HISTORIES.glob("*.json"):
        shutil.copy(scene, directory / scene.name)
    client = await connect(namespace) if ids else None
    for workflow_id in ids:
        assert client is not None
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        write(directory / f"{workflow_id.replace('/', '-')}.json", history)
        print(f"{workflow_id}: {len(history.events)} events")
    print(f"{directory}: {len(list(directory.glob('*.json')))} histories")
    return 0


def main() -> None:
    """Reads the arguments and ends with the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="the released version, which names the directory")
    parser.add_argument("ids", nargs="*", help="workflow ids of journeys that took ways of their own")
    parser.add_argument("--namespace", default="default")
    options = parser.parse_args()
    leave(asyncio.run(save(options.version, options.namespace, options.ids)))


if __name__ == "__main__":
    main()
