"""Databases of a bench's own, with the public data in them."""

import os
import sys
import uuid
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from bench.figures import ROOT
from engine.facts.importing.run import run
from engine.facts.migrate import upgrade


def olist_directory() -> Path | None:
    """The directory of the Olist data, as REGULARS_OLIST names it; none where it does not, which is said."""
    named = os.environ.get("REGULARS_OLIST", "")
    if named and Path(named).is_dir():
        return Path(named)
    print("set REGULARS_OLIST to the directory of the Olist data", file=sys.stderr)
    return None


def imported(olist: Path, imports: Path) -> str:
    """The address of a new database into which CSV files of Olist's form are imported.

    Args:
        olist: the directory of the files.
        imports: where the import keeps its own.
    """
    name = f"bench_{uuid.uuid4().hex[:8]}"
    server = os.environ["REGULARS_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    database = make_url(server).set(database=name).render_as_string(hide_password=False)
    upgrade(database)
    run(database, imports, olist, ROOT / "examples" / "olist" / "mapping.yaml")
    return database
