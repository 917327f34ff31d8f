"""The mirror's tables as plain Parquet files, one for each relation, the people and the zones' transitions."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.attributes.relations import RELATIONS
from engine.mirror.open import opened_mirror
from engine.query import sql
from engine.query.zones import zone_days

ZONE = "America/Sao_Paulo"
"""Of people without one."""


def write_tables(database: str, directory: Path) -> Path:
    """Builds the mirror of a database and copies what it shows; gives the directory of the files."""
    tables = directory / "tables"
    tables.mkdir()
    with opened_mirror(database, "public", directory / "mirror") as mirror:
        for name in ("people", *RELATIONS):
            target = sql.text(str(tables / f"{name}.parquet"))
            mirror.duck.execute(f"copy (select * from {sql.name(name)}) to {target} (format parquet)")
        zones = {zone or ZONE for (zone,) in mirror.duck.execute("select distinct zone from people").fetchall()}
    rows = list(zip(*zone_days({ZONE, *zones}), strict=True))
    columns = dict(zip(("zone", "from_at", "offset_seconds"), map(list, rows), strict=True))
    pq.write_table(pa.table(columns), tables / "zone_days.parquet")
    return tables
