"""The query of the public data: as the fold gives it for each, and made wrong it is noticed."""

from pathlib import Path

import psycopg
import pytest

from engine.language.rules import load_rules
from engine.query import clock
from engine.shipped import shipped
from tests.olist.equality import compare

EACH = 60
"""One of so many people; `make bench NAME=equal` takes all."""


def _sample(database: str) -> list[int]:
    """Every so manieth customer, and those with the most orders."""
    query = """select id from customers where id %% %s = 0
               union (select customer_id from orders group by 1 order by count(*) desc, 1 limit 50) order by 1"""
    with psycopg.connect(database) as connection:
        return [number for (number,) in connection.execute(query, (EACH,))]


@pytest.mark.timeout(600)
def test_all_attributes_of_people_of_the_public_data_are_the_same_in_both_evaluations(olist_database, tmp_path: Path):
    compared = compare(olist_database, load_rules(shipped("rules")), tmp_path, _sample(olist_database))
    assert compared.people > 1_500
    assert compared.attributes > 130
    assert compared.differences == []


@pytest.mark.timeout(600)
def test_a_query_whose_days_begin_an_hour_late_is_noticed_in_the_public_data(olist_database, tmp_path, monkeypatch):
    seconds = clock.seconds
    monkeypatch.setattr(clock, "seconds", lambda *given: f"({seconds(*given)} - 3600)")
    compared = compare(olist_database, load_rules(shipped("rules")), tmp_path, _sample(olist_database)[:400])
    assert compared.differences
