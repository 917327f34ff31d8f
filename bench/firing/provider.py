"""The provider as a process of its own: python -m bench.firing.provider LEDGER SEED.

Prints its two ports as a line of JSON, and ends with whoever started it: when its standard input is closed.
"""

import asyncio
import json
import sys
from pathlib import Path

from bench.firing.http_provider import serve_http
from bench.firing.ledger import Ledger
from bench.firing.mail_provider import serve_mail


async def _serve(file: Path, seed: int) -> None:
    ledger = Ledger(file)
    servers = {"http": await serve_http(ledger, seed), "smtp": await serve_mail(ledger, seed)}
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
