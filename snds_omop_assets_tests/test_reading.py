"""How a file is written, and its rows as text: every row with its line, every row that does not fit told."""

import datetime
import decimal
import gzip
import hashlib
import os
import sys
import threading
import time
import zipfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.column_types import DATE_FORMATS
from snds_omop_assets.contracts.snds_tables import Column, Reading, SndsTable
from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception import looking, reading
from snds_omop_assets.reception.delivery import GZIP, PARQUET, TEXT, ZIP, Source
from snds_omop_assets.reception.looking import MISSING_TEXTS, find_formats, fingerprint, look_at, state_of
from snds_omop_assets.reception.parsing import FRENCH_MONTHS, parse
from snds_omop_assets.reception.reading import as_text, text_batches


def table(*columns, **reading):
    """An invented table; `reading` is what its contract fixes."""
    named = {column.name: column for column in columns}
    return SndsTable("T", "referentials", "Table", "One row.", "T", (), named, reading=Reading(**reading))


TABLE = table()
PARQUET_FILE = Source("f.parquet", Path("f.parquet"), PARQUET)

UNHURRIED = settings(deadline=None)
"""Tests run beside others: an example may take its time."""


def source(path, content=None):
    """A text file (gzipped where its name says so), or an archive with one member, or a Parquet file."""
    if path.suffix == ".zip":
        if content is not None:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("f.csv", content)
        return Source(f"{path.name}!f.csv", path, TEXT, ZIP, "f.csv")
    if content is not None:
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    kind = PARQUET if path.suffix == ".parquet" else TEXT
    return Source(path.name, path, kind, GZIP if path.suffix == ".gz" else None)


def look(path, content=None, contract=TABLE):
    return look_at(source(path, content), contract)


def read(path, content=None):
    """The rows with their lines, the rows that do not fit, and the number of blank lines."""
    file = source(path, content)
    batches = list(text_batches(file, look_at(file, TABLE)))
    rows = [(line, *row) for b in batches for line, row in zip(b.lines.to_list(), b.frame.rows(), strict=True)]
    return rows, [(r.line, r.values) for b in batches for r in b.ragged], sum(b.blank for b in batches)


# How a file is written


@pytest.mark.parametrize(
    ("content", "encoding", "separator", "header"),
    [
        ("A;B\n1;é\n".encode(), "utf-8-sig", ";", ("A", "B")),
        ("\ufeffA,B\r\n1,é\r\n".encode(), "utf-8-sig", ",", ("A", "B")),
        ("\ufeff\r\nA,B\r\n1,é\r\n".encode(), "utf-8-sig", ",", ("A", "B")),
        (b"A;B\n1;2\n", "utf-8-sig", ";", ("A", "B")),
        ("A\tB\n1\té\n".encode("cp1252"), "cp1252", "\t", ("A", "B")),
        ("A|B\n1|12 €\n".encode("cp1252"), "cp1252", "|", ("A", "B")),
        ("A|B\n1|12 €\n".encode(), "utf-8-sig", "|", ("A", "B")),
        (b'"A" ; "B"\n', "utf-8-sig", ";", ("A", "B")),
        (b" A ; B \n", "utf-8-sig", ";", ("A", "B")),
        (b"A\n1\n", "utf-8-sig", ";", ("A",)),
        (b'"A;A";B\n', "utf-8-sig", ";", ("A;A", "B")),
        (b'"A,A,A,A";B\n', "utf-8-sig", ";", ("A,A,A,A", "B")),
        (b"A;B;;\n", "utf-8-sig", ";", ("A", "B", "(column 3)", "(column 4)")),
        (b"\r\n\nA;B\n1;2\n", "utf-8-sig", ";", ("A", "B")),
        (b"A;B\n1;\x81\xe9\n", "latin-1", ";", ("A", "B")),  # 0x81 is nothing in Windows-1252
        ("A;B\n1;é".encode()[:-1], "cp1252", ";", ("A", "B")),  # cut in the middle of a character
        ("É;B\n1;2\n".encode("cp1252"), "cp1252", ";", ("É", "B")),
        (b"A;B\n1;2\n\x1a", "utf-8-sig", ";", ("A", "B")),  # as DOS ends a file
    ],
)
@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.zip"])
def test_how_a_file_is_written_is_found_from_the_file(tmp_path, name, content, encoding, separator, header):
    found = look(tmp_path / name, content)
    assert (found.encoding, found.separator, found.header) == (encoding, separator, header)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize(("encoding", "found"), [("utf-8", "utf-8-sig"), ("cp1252", "cp1252")])
def test_the_encoding_is_found_wherever_the_blocks_of_the_file_end(tmp_path, monkeypatch, size, encoding, found):
    monkeypatch.setattr(looking, "BLOCK_BYTES", size)
    written = look(tmp_path / "f.csv", "A;B\n1;été – 12 €\n2;b\n".encode(encoding))
    assert (written.encoding, written.lines) == (found, 3)


def test_the_encoding_is_found_from_the_whole_file(tmp_path):
    assert look(tmp_path / "f.csv", b"A;B\n" + b"1;2\n" * 400_000 + "3;é\n".encode("cp1252")).encoding == "cp1252"


@pytest.mark.parametrize(
    ("content", "lines", "header_line", "ended"),
    [
        (b"A;B\n1;2\n", 2, 1, True),
        (b"A;B\r\n1;2\r\n", 2, 1, True),
        (b"A;B\n1;2", 2, 1, False),
        (b"\n\nA;B\n1;2\n\n", 5, 3, True),
        (b"  \nA;B\n1;2\n", 3, 2, True),
        (b"A;B", 1, 1, False),
    ],
)
def test_lines_are_counted(tmp_path, content, lines, header_line, ended):
    found = look(tmp_path / "f.csv", content)
    assert (found.header, found.lines, found.header_line) == (("A", "B"), lines, header_line)
    assert found.ends_in_a_line == ended


@pytest.mark.parametrize(
    ("content", "unusual", "blanks"),
    [
        (b"A;B\n1;a b\n", False, False),
        (b"A;B\n 1;2\n", False, True),
        (b"A;B\n1 ;2\n", False, True),
        (b"A;B\n1;2 \n", False, True),
        (b"A;B\n1;2 \r\n", False, True),
        (b"A;B\n1; 2\n", False, True),
        (b'A;B\n1;" 2"\n', False, True),
        (b"A;B\n1;2 ", False, True),
        ("A;B\n1;\u00a02\n".encode(), True, True),
        (b"A;B\n1;2\t3\n", True, True),
        (b"A;B\n1;2\x7f\n", True, True),
        (b"A;B\n1;2\x0b3\n", True, True),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_what_values_must_be_searched_for_is_found(tmp_path, monkeypatch, content, unusual, blanks, size):
    """Files without such bytes are typed without a search, which costs a quarter of the time."""
    monkeypatch.setattr(looking, "BLOCK_BYTES", size)
    found = look(tmp_path / "f.csv", content)
    assert found.unusual >= unusual
    assert found.blanks >= blanks
    assert size < 10 or (found.unusual, found.blanks) == (unusual, blanks), "no search for nothing"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "f.csv is empty"),
        (b"\n\n", "f.csv is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", r"f.csv is not a text file"),
        (b"A;B\n1;\x00\n", r"f.csv is not a text file \(line 2 holds a NUL byte\)"),
        (b"A;B\n" + b"1;2\n" * 300_000 + b"1;\x02\n", r"not a text file \(line 300002 holds a binary byte\)"),
        ("A;B\n1;2\n".encode("utf-16"), r"f.csv is not a text file"),
        (b"A;B;a\n", r"f.csv has the same column twice in its header \(columns 1 and 3\)"),
        (gzip.compress(b"A;B\n", mtime=0), r"f.csv is not a text file: it holds gzip data: name it \.csv\.gz"),
        (b"PK\x03\x04rest", r"f.csv is not a text file: it holds a zip archive \(or a spreadsheet\)"),
        (b"PAR1rest", r"f.csv is not a text file: it holds Parquet data: name it \.parquet"),
        (b"A;B\r1;2\r", r"f.csv .*line"),  # as old Macs end a line
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, content, sentence):
    with pytest.raises(DeliveryError, match=sentence):
        look(tmp_path / "f.csv", content)


def test_a_header_that_is_data_is_never_said(tmp_path):
    """A file without a header line: its first row tells of a person."""
    with pytest.raises(DeliveryError) as refusal:
        look(tmp_path / "f.csv", "DPXX:1X;1963;DPXX:1X\n")
    assert "DPXX" not in str(refusal.value)


@pytest.mark.parametrize("name", ["f.csv.gz", "f.zip"])
def test_compressed_data_that_is_cut_is_refused(tmp_path, name):
    rows = "A;B\n" + "".join(f"{number};{hash(number * 7919)}\n" for number in range(50_000))
    source(tmp_path / name, rows)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DeliveryError, match=rf"{name}.* is cut or broken: its compressed data cannot be read to the end"
    ):
        look(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"A;B\n1;2\n", b"\x1f\x8bno gzip"])
def test_what_is_named_as_gzip_and_is_not_is_refused(tmp_path, content):
    (tmp_path / "f.csv.gz").write_bytes(content)
    with pytest.raises(DeliveryError, match=r"f\.csv\.gz is (cut or broken|empty)"):
        look(tmp_path / "f.csv.gz")


def test_a_file_that_may_not_be_read_is_said_in_a_sentence(tmp_path):
    file = source(tmp_path / "f.csv", "A;B\n")
    (tmp_path / "f.csv").chmod(0)
    who = os.geteuid()
    if who == 0:
        os.seteuid(65534)  # root may read everything, nobody may not
    try:
        with pytest.raises(DeliveryError, match=r"f\.csv may not be read by this account"):
            look_at(file, TABLE)
    finally:
        os.seteuid(who)


def test_a_file_that_is_gone_is_said_in_a_sentence(tmp_path):
    with pytest.raises(DeliveryError, match=r"f\.csv cannot be read"):
        fingerprint(source(tmp_path / "f.csv"))


def test_what_the_contract_fixes_is_not_guessed(tmp_path):
    fixed = table(encoding="latin-1", separator=",")
    found = look(tmp_path / "f.csv", "A;B,C\n1;é,2\n".encode("latin-1"), fixed)
    assert (found.encoding, found.separator, found.header) == ("latin-1", ",", ("A;B", "C"))


def test_the_fingerprint_is_of_the_unpacked_bytes(tmp_path):
    first = fingerprint(source(tmp_path / "a.csv", "A;B\n"))
    assert first.bytes == 4
    assert fingerprint(source(tmp_path / "b.csv", "A;B\n")).sha256 == first.sha256
    assert fingerprint(source(tmp_path / "b.csv", "A;C\n")).sha256 != first.sha256
    packed = fingerprint(source(tmp_path / "f.csv.gz", "A;B\n"))
    assert packed == first, "of what is in it"
    assert (packed.sha256, packed.bytes) == (hashlib.sha256(b"A;B\n").hexdigest(), 4)
    assert fingerprint(source(tmp_path / "g.csv.gz", "A;C\n")).sha256 != first.sha256
    assert fingerprint(source(tmp_path / "f.zip", "A;B\n")) == first, "of a member, not of its archive"


def test_a_file_that_changes_has_another_state(tmp_path):
    file = source(tmp_path / "a.csv", "A;B\n")
    before = state_of(file)
    time.sleep(0.01)
    source(tmp_path / "a.csv", "A;C\n")
    assert state_of(file) != before


# How its values are written


def formats(texts, kind="date", contract=table, **attributes):
    column = Column("D", type=kind, **attributes)
    return find_formats(pl.DataFrame({"D": pl.Series(texts, dtype=pl.String)}), contract(column))


DAYS = {
    "yyyy-mm-dd": ["2013-07-04", "2013-12-31", "2013-07-04 00:00:00", "2013-07-04T00:00:00.000"],
    "dd/mm/yyyy": ["04/07/2013", "31/12/2013", "04/07/2013 00:00:00"],
    "ddmmyyyy": ["04072013", "31122013", "20122012", "4072013"],
    "yyyymmdd": ["20130704", "20131231", "20121220"],
    "date9": ["04JUL2013", "31DEC2013", "04Jul2013:00:00:00", "04JUL2013:00:00:00.000"],
}
MONTHS = {"yyyymm": ["201307", "201212", "201012"], "mmyyyy": ["072013", "122012", "102010", "72013", "12019"]}


@pytest.mark.parametrize("form", sorted(DATE_FORMATS))
def test_the_format_of_dates_is_found_from_each_text(form):
    for text in {**DAYS, **MONTHS}[form]:
        kinds = ["year_month"] if form in MONTHS else ["date", "year_month"]
        for kind in kinds:
            assert formats([None, text, " "], kind).dates == {"D": form}
            typed = parse(pl.Series("D", [text]), Column("D", type=kind), formats([text], kind))
            assert typed.values.null_count() == 0


@pytest.mark.parametrize(
    "month", [*sorted(FRENCH_MONTHS), "JAN", "FEB", "APR", "MAY", "JUN", "AUG", "SEP", "OCT", "DEC"]
)
def test_the_months_of_sas_are_found_in_french_and_in_english(month):
    for text in (f"04{month}2013", f"04{month}2013:00:00:00", f"04{month.lower()}.2013"):
        assert formats([text]).dates == {"D": "date9"}


@UNHURRIED
@given(day=st.dates(datetime.date(1600, 1, 1), datetime.date(2199, 12, 31)))
def test_eight_digits_are_never_ambiguous(day):
    assert formats([day.strftime("%d%m%Y")]).dates == {"D": "ddmmyyyy"}
    assert formats([day.strftime("%Y%m%d")]).dates == {"D": "yyyymmdd"}
    assert formats([day.strftime("%m%Y")], "year_month").dates == {"D": "mmyyyy"}
    assert formats([day.strftime("%Y%m")], "year_month").dates == {"D": "yyyymm"}


@UNHURRIED
@given(day=st.dates(datetime.date(1600, 1, 1), datetime.date(2199, 12, 31)))
def test_a_lost_zero_is_never_ambiguous(day):
    """Dates that were numbers on their way."""
    assert formats([day.strftime("%d%m%Y").removeprefix("0")]).dates == {"D": "ddmmyyyy"}
    assert formats([day.strftime("%m%Y").removeprefix("0")], "year_month").dates == {"D": "mmyyyy"}


def test_the_format_is_that_of_most_of_the_values():
    assert formats(["2013-07-04", "2013-07-05", "04/07/2013"]).dates == {"D": "yyyy-mm-dd"}
    assert formats(["2013-07-04", "04/07/2013", "05/07/2013", "."]).dates == {"D": "dd/mm/yyyy"}


@pytest.mark.parametrize("texts", [[], [None], ["."], ["hier"], ["07/2013"], ["201307"]])
def test_a_column_without_a_date_has_no_format(texts):
    assert formats(texts).dates == {}


def test_a_format_that_the_contract_fixes_is_taken_as_it_is():
    assert formats(["2013-07-04"], format="dd/mm/yyyy").dates == {"D": "dd/mm/yyyy"}
    assert formats([], format="date9").dates == {"D": "date9"}
    assert formats(["1"], "integer", lambda column: table(column, missing=frozenset({"X"}))).missing == {"X"}


def test_each_column_has_its_own_format():
    columns = [
        Column("A", type="date"),
        Column("B", type="date"),
        Column("C", type="year_month"),
        Column("X", type="date"),
    ]
    found = find_formats(pl.DataFrame({"A": ["2013-07-04"], "B": ["04JUL2013"], "C": ["201307"]}), table(*columns))
    assert found.dates == {"A": "yyyy-mm-dd", "B": "date9", "C": "yyyymm"}
    assert found.told() == {
        "dates date9": ["B"], "dates yyyy-mm-dd": ["A"], "dates yyyymm": ["C"], "decimal": "point", "missing": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "comma"),
    [(["1,50", "2"], True), (["1.50", "2"], False), (["1", "2"], False), (["1,5", "2,5", "3.5"], True), ([], False)],
)
def test_a_decimal_comma_is_found(texts, comma):
    assert formats(texts, "decimal").decimal_comma == comma


@pytest.mark.parametrize("text", [text for text in MISSING_TEXTS if text])
@pytest.mark.parametrize("kind", ["integer", "decimal", "date", "year", "month", "year_month"])
def test_texts_that_stand_for_no_value_are_found_in_numbers_and_dates(text, kind):
    assert formats(["1", text, f" {text} "], kind).missing == {text}


@pytest.mark.parametrize("kind", ["text", "code", "pseudonym", "finess"])
def test_they_are_not_looked_for_in_texts_and_codes(kind):
    """NA may be a code, and a point a text: they stand for none there only if they do in the numbers of the file."""
    assert formats(["NA", ".", "NULL"], kind).missing == frozenset()


# Its rows

GOOD, SHORT, LONG, BLANK, QUOTED, EMPTY = "good", "short", "long", "blank", "quoted", "empty"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from([GOOD, SHORT, LONG, BLANK, QUOTED, EMPTY]), max_size=60),
    block=st.sampled_from([16, 200, 1 << 20]),
    batch=st.sampled_from([1, 7, 100_000]),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    before=st.integers(0, 2),
)
def test_every_line_is_a_row_or_ragged_or_blank_and_knows_its_number(
    tmp_path, monkeypatch, kinds, block, batch, end, last, before
):
    monkeypatch.setattr(reading, "BLOCK_BYTES", block)
    monkeypatch.setattr(reading, "BATCH_ROWS", batch)
    texts = {GOOD: "{0};x;", SHORT: "{0};x", LONG: "{0};x;y;z", BLANK: "", QUOTED: '{0};"a;""b""";z', EMPTY: ';"";'}
    numbered = list(enumerate(kinds, start=before + 2))
    lines = [*[""] * before, "A;B;C", *(texts[kind].format(number) for number, kind in numbered)]
    last = last or lines[-1] == ""
    rows, ragged, blank = read(tmp_path / "f.csv", end.join(lines) + (end if last else ""))
    assert [line for line, *_ in rows] == [n for n, kind in numbered if kind in (GOOD, QUOTED)]
    assert all(str(line) == first for line, first, *_ in rows)
    assert ragged == [(n, 2 if kind == SHORT else 4) for n, kind in numbered if kind in (SHORT, LONG)]
    assert blank == kinds.count(BLANK) + kinds.count(EMPTY)


@pytest.fixture
def busy():
    """Other threads that work, and take turns often."""
    done, interval = threading.Event(), sys.getswitchinterval()

    def work():
        while not done.is_set():
            sum(range(100))

    threads = [threading.Thread(target=work) for _ in range(2)]
    sys.setswitchinterval(1e-6)
    for thread in threads:
        thread.start()
    yield
    done.set()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("busy")
def test_no_ragged_row_is_lost_while_a_batch_is_worked_on(tmp_path, monkeypatch):
    """Arrow's thread reads ahead of who takes the batches: on a busy machine, they meet anywhere."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", 64)
    monkeypatch.setattr(reading, "BATCH_ROWS", 3)
    lines = ["aaaaaaaa;bbbbbbbb", "aaaaaaaa;bbbbbbbb", "", "c;d;e", "aaaaaaaa;bbbbbbbb", "c"] * 3
    file = source(tmp_path / "f.csv", "A;B\n" + "\n".join(lines) + "\n")
    written = look_at(file, TABLE)
    for _ in range(60):
        rows, ragged, blank = [], [], 0
        for batch in text_batches(file, written):
            rows += batch.lines.to_list()
            ragged += [row.line for row in batch.ragged]
            blank += batch.blank
            sum(range(20_000))
        assert rows == [line for line, text in enumerate(lines, start=2) if len(text) > 10]
        assert ragged == [line for line, text in enumerate(lines, start=2) if text.startswith("c")]
        assert blank == 3


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.zip"])
def test_compressed_files_are_read_as_others(tmp_path, name):
    assert read(tmp_path / name, "A;B\n1;2\n1\n\n3;4\n") == ([(2, "1", "2"), (5, "3", "4")], [(3, 1)], 1)


def test_blank_lines_before_the_header_are_passed_over(tmp_path):
    assert read(tmp_path / "f.csv", "\n\nA;B\n1;2\n")[0] == [(4, "1", "2")]


@pytest.mark.parametrize("text", ["A;B", "A;B\n", "\nA;B\n"])
def test_a_header_alone_has_no_rows(tmp_path, text):
    assert read(tmp_path / "f.csv", text) == ([], [], 0)


def test_values_are_text_as_they_stand(tmp_path):
    rows = read(tmp_path / "f.csv", 'A;B\n01; x \n"a;b";NA\n1.0;\n')[0]
    assert rows == [(2, "01", " x "), (3, "a;b", "NA"), (4, "1.0", None)]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_quoted_values_may_have_separators_and_quotes_inside(tmp_path, separator):
    text = f'A{separator}B\n"a{separator}{separator}b"{separator}"say ""yes"""\n'
    assert read(tmp_path / "f.csv", text)[0] == [(2, f"a{separator}{separator}b", 'say "yes"')]


def test_one_column_is_enough(tmp_path):
    assert read(tmp_path / "f.csv", "A\n1\n\n2\n") == ([(2, "1"), (4, "2")], [], 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_every_encoding_is_read(tmp_path, encoding):
    text = "A;B\n1;Hôpital – d’Été, 12 €\n"
    assert read(tmp_path / "f.csv", text.encode(encoding))[0] == [(2, "1", "Hôpital – d’Été, 12 €")]


def test_latin_1_is_read_where_it_is_no_windows_1252(tmp_path):
    assert read(tmp_path / "f.csv", b"A;B\n1;\x81\xe9\n")[0] == [(2, "1", "\x81é")]


def test_a_byte_that_is_not_of_the_encoding_of_the_contract_is_said(tmp_path):
    file = source(tmp_path / "f.csv", "A;B\n1;DPXX:é\n".encode("cp1252"))
    with pytest.raises(DeliveryError, match=r"f\.csv cannot be read as CSV") as refusal:
        list(text_batches(file, look_at(file, table(encoding="utf-8-sig"))))
    assert "DPXX" not in str(refusal.value)


@pytest.mark.parametrize("rest", ["", "4;5\n6;7\n", '4;"5"\n'])
def test_a_quote_that_is_never_closed_is_refused_without_the_values(tmp_path, rest):
    text = f'A;B\n1;2\nDPXX:001X;"never closed\n{rest}'
    with pytest.raises(DeliveryError, match=r"f\.csv: a value that begins in line 3 runs over several") as refusal:
        read(tmp_path / "f.csv", text)
    assert "DPXX" not in str(refusal.value)


def test_a_line_break_in_a_value_is_refused_with_its_line(tmp_path):
    """No SNDS value has one, and the lines after it could not be accounted for."""
    with pytest.raises(DeliveryError, match=r"f\.csv: a value that begins in line 3 runs over several lines"):
        read(tmp_path / "f.csv", 'A;B\n1;2\n3;"a\nb"\n4;5\n')


def test_a_quote_in_the_middle_of_a_value_is_a_character(tmp_path):
    assert read(tmp_path / "f.csv", 'A;B\n1;a"b\n2;c\n')[0] == [(2, "1", 'a"b'), (3, "2", "c")]


def test_progress_is_told_in_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 200)
    monkeypatch.setattr(reading, "BATCH_ROWS", 100)
    file = source(tmp_path / "f.csv", "A;B\n" + "1;2\n" * 1000 + "1\n")
    told = []
    for _ in text_batches(file, look_at(file, TABLE), told.append):
        pass
    assert sum(told) == 1001
    assert len(told) > 2


# Parquet

TYPED = pa.table(
    {
        "DAY": pa.array([datetime.date(2013, 7, 4), None, datetime.date(1600, 1, 1)]),
        "STAMP": pa.array([datetime.datetime(2013, 7, 4, 8, 30), None, None], pa.timestamp("us")),
        "INT": pa.array([1, None, -3], pa.int32()),
        "FLOAT": pa.array([1.0, None, 0.1]),
        "CIP": pa.array([3400934841682.0, None, 2.0]),
        "BOOL": pa.array([True, None, False]),
        "TEXT": pa.array(["01", None, " é;"]),
        "LARGE": pa.array(["a", None, ""], pa.large_string()),
        "WORD": pa.array(["a", None, "b"]).dictionary_encode(),
        "DEC": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00")]),
        "NOTHING": pa.nulls(3),
    }
)


def test_typed_values_of_parquet_become_the_text_that_a_csv_export_has(tmp_path):
    pq.write_table(TYPED, tmp_path / "f.parquet")
    rows, ragged, blank = read(tmp_path / "f.parquet")
    assert rows == [
        (1, "2013-07-04", "2013-07-04", "1", "1", "3400934841682", "1", "01", "a", "a", "1.50", None),
        (2, *[None] * 11),
        (3, "1600-01-01", None, "-3", "0.1", "2", "0", " é;", "", "b", "2.00", None),
    ]
    assert (ragged, blank) == ([], 0)
    assert look(tmp_path / "f.parquet").header == tuple(TYPED.column_names)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-3.0, "-3"),
        (0.0, "0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (3400934841682.0, "3400934841682"),
        (None, None),
    ],
)
@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
def test_floats_that_are_whole_have_no_decimals(number, text, dtype):
    found = as_text(pl.DataFrame({"A": pl.Series([number], dtype=dtype)}), PARQUET_FILE)["A"].to_list()
    if dtype == pl.Float64 or number is None or abs(number) < 1000:
        assert found == [text]
    else:
        assert "." not in found[0]


UNUSUAL = {
    "list": pa.array([["DPXX"]]),
    "binary": pa.array([b"DPXX"]),
    "duration": pa.array([datetime.timedelta(days=1)]),
    "struct": pa.array([{"a": "DPXX"}]),
}


@pytest.mark.parametrize("kind", sorted(UNUSUAL))
def test_a_type_that_no_column_of_the_snds_has_is_refused_with_its_column(tmp_path, kind):
    pq.write_table(pa.table({"A": ["1"], "ODD": UNUSUAL[kind]}), tmp_path / "f.parquet")
    with pytest.raises(DeliveryError, match=r"f\.parquet: the column ODD has the type .*export it as text") as refusal:
        read(tmp_path / "f.parquet")
    assert "DPXX" not in str(refusal.value)


def test_rows_of_parquet_are_numbered_over_its_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_ROWS", 3)
    pq.write_table(pa.table({"A": list(range(10))}), tmp_path / "f.parquet", row_group_size=4)
    assert read(tmp_path / "f.parquet")[0] == [(number + 1, str(number)) for number in range(10)]


def test_a_parquet_file_without_rows_has_none(tmp_path):
    pq.write_table(TYPED.slice(0, 0), tmp_path / "f.parquet")
    assert read(tmp_path / "f.parquet") == ([], [], 0)


@pytest.mark.parametrize("content", [b"", b"A;B\n1;2\n", b"PAR1 cut"])
def test_what_is_named_as_parquet_and_is_not_is_refused(tmp_path, content):
    (tmp_path / "f.parquet").write_bytes(content)
    with pytest.raises(DeliveryError, match=r"f\.parquet is not a whole Parquet file"):
        look(tmp_path / "f.parquet")


def test_a_parquet_file_that_is_broken_inside_is_refused(tmp_path):
    pq.write_table(pa.table({"A": [str(number) for number in range(5000)]}), tmp_path / "f.parquet")
    raw = bytearray((tmp_path / "f.parquet").read_bytes())
    raw[4:3000] = b"\xff" * 2996
    (tmp_path / "f.parquet").write_bytes(raw)
    with pytest.raises(DeliveryError, match=r"f\.parquet is a broken Parquet file"):
        read(tmp_path / "f.parquet")


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path):
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["A", "a"]), tmp_path / "f.parquet")
    with pytest.raises(DeliveryError, match=r"the same column twice in its header \(columns 1 and 2\)"):
        look(tmp_path / "f.parquet")


@UNHURRIED
@given(numbers=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_written_as_text_are_the_same_numbers(numbers):
    frame = pl.DataFrame({"D": pl.Series(numbers, dtype=pl.Float64)})
    texts = as_text(frame, PARQUET_FILE)["D"]
    found = parse(
        texts, Column("D", type="decimal"), find_formats(texts.to_frame(), table(Column("D", type="decimal")))
    )
    assert found.values.to_list() == numbers


@UNHURRIED
@given(numbers=st.lists(st.none() | st.integers(0, 10**15 - 1), min_size=1, max_size=20))
def test_codes_that_came_as_floats_are_codes_again(numbers):
    """SAS and pandas keep numeric codes as floats."""
    texts = as_text(pl.DataFrame({"D": pl.Series(numbers, dtype=pl.Float64)}), PARQUET_FILE)["D"]
    assert texts.to_list() == [None if number is None else str(number) for number in numbers]
    found = parse(texts, Column("D", type="code"), find_formats(texts.to_frame(), table(Column("D", type="code"))))
    assert found.values.to_list() == [None if number is None else str(number) for number in numbers]
