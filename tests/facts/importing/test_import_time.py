"""Local times become instants: the earlier of two, and never by the system's own zone data."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.importing.local_time import InstantReader, zone_of
from engine.facts.importing.refusals import CellError

SAO_PAULO = "America/Sao_Paulo"


def instant(zone, text, form=None):
    return datetime.fromisoformat(InstantReader(zone, form).read(text)).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2018-01-08 10:00:00", "2018-01-08T12:00:00"),  # summer
        ("2018-07-08 10:00:00", "2018-07-08T13:00:00"),  # winter
        ("2018-02-17 23:30:00", "2018-02-18T01:30:00"),  # came twice: the earlier one, still summer
        ("2018-02-18 00:00:00", "2018-02-18T03:00:00"),
        ("2017-10-15 00:00:00", "2017-10-15T03:00:00"),  # never was: the first instant of that day
        ("2017-10-15 00:30:00", "2017-10-15T03:30:00"),
        ("2018-01-08T10:00:00+01:00", "2018-01-08T09:00:00"),
        ("2018-01-08T10:00:00Z", "2018-01-08T10:00:00"),
        ("2018-01-08", "2018-01-08T02:00:00"),
        ("2018-01-08 10:00:00.25", "2018-01-08T12:00:00.250000"),
    ],
)
def test_a_time_in_sao_paulo_is_this_instant(text, utc):
    assert instant(SAO_PAULO, text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_format_reads_what_is_not_iso():
    assert instant("Europe/Berlin", "08.01.2018 10:00", "%d.%m.%Y %H:%M") == datetime(2018, 1, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2018-13-45", "2018-02-30 10:00:00", "2018-01-08 24:30:00", "2018-01-08 10:61:00", "yesterday", "12:30"]
)
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(CellError) as caught:
        InstantReader(SAO_PAULO).read(text)
    assert caught.value.code == "bad-instant"


@given(
    st.datetimes(datetime.fromisoformat("1950-01-01"), datetime.fromisoformat("2037-01-01")).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.sampled_from([SAO_PAULO, "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "America/St_Johns"]),
)
def test_every_local_time_is_read_as_the_zone_says(moment, zone):
    expected = moment.replace(tzinfo=zone_of(zone), fold=0).astimezone(UTC)
    reader = InstantReader(zone)
    for _ in range(2):  # the second time from what was learnt of the hour
        assert datetime.fromisoformat(reader.read(str(moment))).astimezone(UTC) == expected


def test_the_33_ambiguous_instants_of_olist_are_the_earlier_ones(olist):
    columns = [
        ("olist_orders_dataset.csv.gz", column)
        for column in (
            "order_purchase_timestamp",
            "order_approved_at",
            "order_delivered_carrier_date",
            "order_delivered_customer_date",
        )
    ]
    columns.append(("olist_order_reviews_dataset.csv.gz", "review_answer_timestamp"))
    reader = InstantReader(SAO_PAULO)
    ambiguous = 0
    for file, column in columns:
        told = pd.to_datetime(pd.read_csv(olist / file, usecols=[column])[column].dropna())
        later = told.dt.tz_localize(SAO_PAULO, ambiguous=False, nonexistent=timedelta(hours=1))
        earlier = told.dt.tz_localize(SAO_PAULO, ambiguous=True, nonexistent=timedelta(hours=1))
        for moment, instant_of in zip(told[later != earlier], earlier[later != earlier], strict=True):
            ambiguous += 1
            assert datetime.fromisoformat(reader.read(str(moment))).astimezone(UTC) == instant_of.tz_convert(UTC)
    assert ambiguous == 33
