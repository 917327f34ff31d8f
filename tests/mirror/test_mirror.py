"""The mirror shows the rows that the fold reads, of an empty database and of one full of extremes."""

from pathlib import Path

from engine.facts.importing.run import run
from engine.sample.shop import generate
from tests.mirror.same import differences, open_small

MAPPING = Path("examples/sample-shop/mapping.yaml")


def test_an_empty_database_has_an_empty_mirror(connection, database, directory):
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_texts_numbers_and_instants_at_their_extremes_are_as_the_fold_reads_them(
    crowd, connection, database, directory
):
    with open_small(database, directory) as mirror:
        assert len(mirror.manifest.parts) == 3
        assert differences(mirror, connection) == {}


def test_the_sample_shop_is_as_the_fold_reads_it_also_after_more_of_it(connection, database, directory, tmp_path):
    shop = tmp_path / "shop"
    generate(shop, customers=100)
    run(database, tmp_path / "state", shop, MAPPING)
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}
    generate(shop, customers=140)
    run(database, tmp_path / "state", shop, MAPPING)
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}


def test_rows_in_a_file_are_in_the_order_of_customers(crowd, database, directory):
    with open_small(database, directory) as mirror:
        for part in mirror.manifest.parts:
            path = str(directory / part.files["people"].path).replace("[", "[[]").replace("*?", "[*][?]")
            rows = mirror.duck.execute("select customer from read_parquet($1)", [path]).fetchall()
            assert rows == sorted(rows)
