"""Records histories: `python -m tests.replay.record [SCENE...]`, on the servers that the environment names.

Before it, `python -m engine.servers --postgres --temporal --free-ports --fast --state .regulars/record --` starts
servers of its own. A history is recorded anew only where journeys of before no longer need to run on: whoever changes
the order of commands keeps the saved ones and guards the change with `workflow.patched`.
"""

import asyncio
import os
import sys
import tempfile
import uuid
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from engine.facts.migrate import upgrade
from engine.language.rules import Rules
from engine.servers.leave import leave
from tests.replay.portable import HISTORIES, write
from tests.replay.scenes import SCENES, Stage
from tests.workflows.namespaces import drop_namespaces, take_namespace
from tests.workflows.shop import Shop


async def record(name: str, url: str) -> None:
    """Plays one scene and saves its journey's history."""
    namespace = take_namespace()
    shops: list[Shop] = []

    def make_shop(rules: Rules) -> Shop:
        shops.append(Shop(url, rules))
        return shops[-1]

    with tempfile.TemporaryDirectory() as mailbox:
        running = await SCENES[name](Stage(make_shop, namespace, Path(mailbox)))
        history = await running.history()
    for shop in shops:
        shop.close()
    write(HISTORIES / f"{name}.json", history)
    print(f"{name}: {len(history.events)} events", flush=True)


def main(names: list[str]) -> int:
    server = os.environ["REGULARS_DATABASE_URL"]
    for name in names or SCENES:
        database = f"record_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            url = make_url(server).set(database=database).render_as_string(hide_password=False)
            upgrade(url)
            asyncio.run(record(name, url))
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))
    drop_namespaces()
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
