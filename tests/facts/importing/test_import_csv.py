"""CSV is read strictly: what is broken is refused with its line, and everything else is read."""

import csv
import io
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from engine.facts.importing import csv_reading
from engine.facts.importing.csv_reading import Dialect, Lines, header, rows
from engine.facts.importing.refusals import Refusal


def read(content, encoding="utf-8", delimiter=","):
    lines = Lines(io.BytesIO(content), encoding)
    dialect = Dialect(encoding, delimiter)
    return list(rows(lines, dialect, header(lines, dialect) or []))


def taken(found):
    return [(row[0], row[1]) for row in found if not isinstance(row, Refusal)]


def refused(found):
    return [(row.line, row.code, row.raw) for row in found if isinstance(row, Refusal)]


def test_a_cell_may_hold_commas_quotes_and_line_breaks_and_lines_stay_true():
    found = read(b'a,b\n1,"x, ""y""\n\nz"\n2,w\n')
    assert taken(found) == [(2, ["1", 'x, "y"\n\nz']), (5, ["2", "w"])]


def test_a_quote_that_does_not_close_costs_its_own_line_only():
    found = read(b'a,b\n1,"open\n2,sound\n3,"also sound"\n4,end\n')
    assert refused(found) == [(2, "broken-quote", '1,"open')]
    assert taken(found) == [(3, ["2", "sound"]), (4, ["3", "also sound"]), (5, ["4", "end"])]


def test_two_open_quotes_do_not_swallow_the_rows_between_them():
    found = read(b'a,b,c,d\n1,"open,x,y\n2,sound,x,y\n3,open",x,y\n4,end,x,y\n')
    assert [(line, code) for line, code, _ in refused(found)] == [(2, "broken-quote")]
    assert [line for line, _ in taken(found)] == [3, 4, 5]


def test_a_long_text_with_many_commas_is_no_sign_of_an_open_quote():
    text = "First, of all:\nI came, saw, and\nwent, again, twice, thrice\nEnd"
    found = read(f'a,b,c,d\n1,"{text}",x,y\n'.encode())
    assert taken(found) == [(2, ["1", text, "x", "y"])]


def test_an_open_quote_in_the_last_row_is_refused_at_the_end_of_the_file():
    found = read(b'a,b\n1,x\n2,"open\n')
    assert taken(found) == [(2, ["1", "x"])]
    assert refused(found) == [(3, "broken-quote", '2,"open')]


def test_an_open_quote_cannot_swallow_a_large_file():
    found = read(b'a,b\n1,"open\n' + b"2,sound\n" * 50_000)
    assert [line for line, *_ in refused(found)] == [2]
    assert len(taken(found)) == 50_000


def test_text_after_a_closing_quote_is_refused():
    assert refused(read(b'a,b\n1,"x" y\n')) == [(2, "broken-quote", '1,"x" y')]


def test_rows_of_another_width_are_refused():
    found = read(b"a,b\n1\n1,2,3\n1,2\n")
    assert [(line, code) for line, code, _ in refused(found)] == [(2, "wrong-width"), (3, "wrong-width")]
    assert taken(found) == [(4, ["1", "2"])]


def test_bytes_that_are_no_text_refuse_their_row_and_are_shown():
    found = read(b"a,b\n1,K\xf6ln\n2,ok\n")
    assert refused(found) == [(2, "bad-encoding", "1,K\\xf6ln")]
    assert taken(found) == [(3, ["2", "ok"])]


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    lines = Lines(io.BytesIO(b"\xef\xbb\xbfa,b\n1,2\n"), "utf-8")
    assert header(lines, Dialect()) == ["a", "b"]


def test_line_ends_of_windows_and_blank_lines_are_no_rows():
    assert taken(read(b"a,b\r\n1,2\r\n\r\n3,4")) == [(2, ["1", "2"]), (4, ["3", "4"])]


def test_other_line_separators_of_unicode_do_not_end_a_row():
    assert taken(read("a,b\n1,x\u2028y\x0bz\n2,w\n".encode())) == [(2, ["1", "x\u2028y\x0bz"]), (3, ["2", "w"])]


CELLS = st.text(st.sampled_from('ab ,"\n;é'), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12))
def test_what_a_csv_writer_writes_is_read_back_whole(table):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("a", "b"), *table])
    found = read(text.getvalue().encode())
    assert refused(found) == []
    assert [tuple(cells) for _, cells in taken(found)] == table


@given(st.lists(st.text(st.sampled_from('ab1,"\r '), max_size=8), max_size=12).map("\n".join))
def test_blocks_of_rows_are_read_as_they_are_row_by_row(text):
    content = f"a,b\n{text}".encode()
    at_once = read(content)
    with patch.object(Lines, "take_block", lambda *_: None):
        assert read(content) == at_once


def test_a_file_of_many_blocks_keeps_its_lines(monkeypatch):
    monkeypatch.setattr(csv_reading, "_BLOCK", 64)
    table = [(str(number), "x" * (number % 7) if number % 5 else 'a "b"\nc') for number in range(500)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("a", "b"), *table])
    found = taken(read(text.getvalue().encode()))
    assert [tuple(cells) for _, cells in found] == table
    lines = text.getvalue().split("\n")
    assert all(lines[line - 1].split(",")[0] == cells[0] for line, cells in found)


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "latin-1"]))
def test_any_bytes_give_rows_and_refusals_that_account_for_every_line(content, encoding):
    lines = Lines(io.BytesIO(b"a,b\n" + content), encoding)
    names = header(lines, Dialect(encoding))
    seen = 1
    for found in rows(lines, Dialect(encoding), names):
        line = found.line if isinstance(found, Refusal) else found[0]
        assert line > seen
        seen = line
    assert lines.first == 1 + len((b"a,b\n" + content).split(b"\n")) - ((b"a,b\n" + content)[-1:] == b"\n")
