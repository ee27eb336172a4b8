"""One delivered column to one typed column."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.contracts.column_types import COLUMN_TYPES, DATE_FORMATS
from snds_omop_assets.contracts.snds_schemas import POLARS_TYPES
from snds_omop_assets.contracts.snds_tables import Column
from snds_omop_assets.reception.coding import ROWS_OF_A_TEXT
from snds_omop_assets.reception.delivery import PARQUET, Source
from snds_omop_assets.reception.looking import MISSING_TEXTS, NEVER_A_VALUE, Formats
from snds_omop_assets.reception.parsing import FRENCH_MONTHS, parse
from snds_omop_assets.reception.reading import as_text

PARQUET_FILE = Source("f.parquet", Path("f.parquet"), PARQUET)

UNHURRIED = settings(deadline=None)
"""Tests run beside others: an example may take its time."""

DAY_FORMATS = sorted(set(DATE_FORMATS) - {"yyyymm", "mmyyyy"})

THE_FORM = {"date": "yyyy-mm-dd", "year_month": "yyyymm"}
"""How values of a type are written once they are typed."""


SO_MANY = 2 * ROWS_OF_A_TEXT


def series(texts):
    return pl.Series("COLUMN", texts, dtype=pl.String)


def parsed(texts, kind="text", form=None, unusual=True, blanks=True, missing=(), decimal_comma=False, **attributes):
    """Type some texts; `form` is how dates are written, `missing` what stands for no value in the whole file.

    Coded or plain, few rows or many to a text: what is found is the same.
    """
    formats = Formats({"COLUMN": form} if form else {}, frozenset(missing), decimal_comma)
    column = Column("COLUMN", "libellé", kind, **attributes)
    plain, few = series(texts), series(texts).drop_nulls().unique(maintain_order=True)
    found = parse(plain, column, formats, unusual, blanks)
    coded = parse(plain.cast(pl.Enum(pl.concat([few, series(["a text of no row"])]))), column, formats, unusual, blanks)
    many = parse(pl.concat([plain] * SO_MANY), column, formats, unusual, blanks)
    for other, times in ((coded, 1), (many, SO_MANY)):
        assert other.values.to_list() == found.values.to_list() * times
        assert other.delivered.to_list() == found.delivered.to_list() * times
        assert unparsable(other) == unparsable(found) * times
        assert (other.normalised, other.stands_for_none) == (found.normalised * times, found.stands_for_none * times)
        assert counted(other) == {value: rows * times for value, rows in counted(found).items()}
    return found


def counted(found):
    counts = {}
    for value, rows in [] if found.counts is None else found.counts.rows():
        counts[value] = counts.get(value, 0) + rows
    return counts


def values(texts, kind="text", form=None, **attributes):
    return parsed(texts, kind, form, **attributes).values.to_list()


def unparsable(found):
    return [False] * len(found.values) if found.unparsable is None else found.unparsable.to_list()


# Codes


def test_one_code_has_one_spelling():
    assert values(["1", "01", "1.0", " 1 ", "1,0", "001.00"], "code") == ["1"] * 6


def test_codes_with_letters_stay_as_they_are():
    assert values(["2A", "LFQK002", "01C751000", "0A"], "code") == ["2A", "LFQK002", "01C751000", "0A"]


def test_codes_of_a_fixed_width_are_padded():
    assert values(["75", "75.0", "075", "2A", "971"], "code", width=3) == ["075", "075", "075", "02A", "971"]


def test_what_does_not_look_like_the_code_does_not_parse():
    found = parsed(["114", "75114", "ABC", "14"], "code", width=3, pattern=r"\d{3}")
    assert unparsable(found) == [False, True, True, False]
    assert found.values.to_list() == ["114", None, None, "014"]


def test_a_pseudonym_is_too_long_for_a_code():
    """The pseudonyms of the SNDS have 17 characters; the longest code, a CIP, has 13."""
    assert unparsable(parsed(["3400934841682", "A" * 17], "code")) == [False, True]


def test_zero_is_a_code_unless_the_contract_says_that_it_stands_for_none():
    assert values(["0", "00", "0.0"], "code") == ["0", "0", "0"]
    absent = parsed(["0", "00", "99", "7"], "code", missing=("0", "99"))
    assert absent.values.to_list() == [None, "0", None, "7"], "texts of the file are taken as they stand"
    absent = parse(series(["0", "00", "99", "7"]), Column("COLUMN", type="code", missing=frozenset({"0", "99"})),
                   Formats({}))  # fmt: skip
    assert absent.values.to_list() == [None, None, None, "7"]
    assert absent.stands_for_none == 3
    assert absent.unparsable is None


@UNHURRIED
@given(number=st.integers(0, 10**11), zeros=st.integers(0, 3), decimals=st.sampled_from(["", ".", ".0", ",00", ".000"]))
def test_any_padding_of_the_same_number_gives_the_same_code(number, zeros, decimals):
    assert values([f"{'0' * zeros}{number}{decimals}", f" {number}"], "code") == [str(number)] * 2
    assert values([f"{'0' * zeros}{number}{decimals}"], "code", width=5) == [str(number).zfill(5)]


def test_values_spelled_otherwise_are_counted():
    assert parsed(["1", "01", "1.0", None, " 1"], "code").normalised == 2
    assert [parsed([text], "code").normalised for text in ("1", "01", "1.0", None, " 1")] == [0, 1, 1, 0, 0]


def test_a_code_says_how_many_rows_have_each_spelling():
    found = parsed(["1", "01", "2", None, "A" * 17], "code").counts
    rows = found.group_by("value").agg(pl.col("rows").sum()).sort("value").rows()
    assert rows == [("1", 2), ("2", 1)]
    assert parsed(["1"], "text").counts is None


# Establishments and pseudonyms


def test_a_finess_is_completed_and_loses_its_decimals():
    assert values(["75010016", "750300360.0", "00000000", "2b000998", "1000002.0"], "finess") == [
        "750100166", "750300360", None, "2B0009989", "010000024",
    ]  # fmt: skip


def test_padding_inside_a_pseudonym_is_dropped_only_where_the_contract_says_so():
    texts = ["DPXX:0000000000000000001X", "DPXX:01X", "DPXX:1X", "DPXX:10X"]
    assert values(texts, "pseudonym") == texts
    assert values(texts, "pseudonym", padding_ignored=True) == ["DPXX:1X", "DPXX:1X", "DPXX:1X", "DPXX:10X"]


# Numbers


def test_numbers_take_a_decimal_comma_or_point():
    assert values(["23,00", "-1.5", "7", "1 000", "abc"], "decimal") == [23.0, -1.5, 7.0, None, None]
    assert values(["23,00", "-1.5", "7"], "decimal", decimal_comma=True) == [23.0, -1.5, 7.0]


def test_numbers_may_have_an_exponent_and_are_finite():
    """Parquet and SAS exports write large numbers so; an infinite one is no value."""
    assert values(["1e5", "1E+16"], "decimal") == [1e5, 1e16]
    found = parsed(["inf", "-Infinity", "1e999", "NaN"], "decimal")
    assert found.values.to_list() == [None] * 4
    assert unparsable(found) == [True, True, True, False], "NaN is how programs write no value"
    assert found.stands_for_none == 1


@pytest.mark.parametrize(
    ("text", "number"), [("1,5", 1.5), ("1,50", 1.5), ("-1,5", -1.5), ("+1,5", 1.5), (",5", 0.5), ("1234,5", 1234.5)]
)
def test_one_or_two_figures_after_a_comma_are_decimals_among_points(text, number):
    assert values(["2.25", text], "decimal") == [2.25, number]


@pytest.mark.parametrize("text", ["1,234", "1,", "1,2,3", "1,234.5", "1.234,5", "1,5e3"])
def test_a_comma_that_may_stand_between_thousands_does_not_parse_among_points(text):
    found = parsed(["2.25", text], "decimal")
    assert found.values.to_list() == [2.25, None]
    assert unparsable(found) == [False, True]


def test_a_comma_is_a_decimal_comma_where_the_file_writes_so():
    assert values(["1,234", "1,5", "1,50"], "decimal", decimal_comma=True) == [1.234, 1.5, 1.5]


def test_january_of_2019_may_have_lost_its_zero():
    assert values(["12019", "012019", "122019"], "year_month", "mmyyyy") == [201901, 201901, 201912]


def test_whole_numbers_refuse_what_is_not_whole():
    assert values(["12", "-3", "05", "12.0", "1.5", "douze", "9" * 19], "integer") == [12, -3, 5, 12, None, None, None]
    assert values(["+7", "12,0", "12."], "integer") == [7, 12, 12]


def test_a_month_of_zero_stands_for_none():
    found = parsed(["7", "07", "7.0", "0", "00", "mai"], "month")
    assert found.values.to_list() == [7, 7, 7, None, None, None]
    assert found.stands_for_none == 2
    assert unparsable(found) == [False] * 5 + [True]


def test_a_year_is_a_number():
    found = parsed(["1963", "1963.0", "19x3", None], "year")
    assert found.values.to_list() == [1963, 1963, None, None]
    assert unparsable(found) == [False, False, True, False]


# Dates


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("yyyy-mm-dd", ["2013-07-04", "2013-07-04 00:00:00", "2013-07-04T00:00:00.000"]),
        ("dd/mm/yyyy", ["04/07/2013", "04/07/2013 00:00:00", "04/07/2013 00:00"]),
        (
            "date9",
            ["04JUL2013", "04Jul2013:00:00:00", "04JUIL2013", "04juil.2013", "04JUL2013:00:00:00.00"],
        ),
        ("ddmmyyyy", ["04072013", "04072013 00:00:00", "4072013", "4072013 00:00:00"]),
        ("yyyymmdd", ["20130704", "20130704 00:00:00"]),
    ],
)
def test_dates_are_read_in_the_format_of_their_file_and_in_no_other(form, texts):
    assert values(texts, "date", form) == [date(2013, 7, 4)] * len(texts)
    for other in set(DAY_FORMATS) - {form}:
        assert unparsable(parsed(texts, "date", other)) == [True] * len(texts)


def test_a_time_of_day_is_cut_off():
    """The SNDS has none: what follows the day comes from the export."""
    assert values(["2013-07-04 08:30:00", "2013-07-04T08:30:00.123"], "date", "yyyy-mm-dd") == [date(2013, 7, 4)] * 2


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("yyyy-mm-dd", ["2013-07", "2013-13-01", "2013-02-31", "04.07.2013", "13-07-04", "0213-07-04", "hier"]),
        ("dd/mm/yyyy", ["31/02/2013", "07/2013", "04/13/2013", "04/07/13"]),
        ("date9", ["04JUI2013", "04XXX2013", "31FEB2013", "JUL2013", "A", "04JUL13"]),
        ("ddmmyyyy", ["472013", "0072013", "3102201", "31022013", "00072013", "20130704"]),
        ("yyyymmdd", ["2013074", "20130231", "20131304", "04072013"]),
    ],
)
def test_what_is_no_day_does_not_parse(form, texts):
    found = parsed(texts, "date", form)
    assert found.values.to_list() == [None] * len(texts)
    assert unparsable(found) == [True] * len(texts)


def test_without_a_format_no_text_is_a_date():
    found = parsed(["2013-07-04", None, "."], "date")
    assert found.values.to_list() == [None] * 3
    assert unparsable(found) == [True, False, False]
    assert found.stands_for_none == 1


ENGLISH = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


@pytest.mark.parametrize("written", [*ENGLISH, *sorted(FRENCH_MONTHS)])
@pytest.mark.parametrize("end", ["", ":00:00:00"])
def test_sas_writes_months_in_english_and_in_french(written, end):
    month = ENGLISH.index(FRENCH_MONTHS.get(written, written)) + 1
    texts = [f"04{written}2013{end}", f"04{written.lower()}2013{end}", f"04{written}.2013{end}"]
    assert values(texts, "date", "date9") == [date(2013, month, 4)] * 3


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("yyyy-mm-dd", ["1600-01-01", "0001-01-01"]),
        ("dd/mm/yyyy", ["01/01/1600", "01/01/0001"]),
        ("date9", ["01JAN1600", "01JANV1600:00:00:00"]),
        ("ddmmyyyy", ["01011600", "1011600"]),
        ("yyyymmdd", ["16000101"]),
    ],
)
def test_the_dates_of_1600_stand_for_none_and_are_no_error(form, texts):
    found = parsed(texts, "date", form)
    assert found.values.to_list() == [None] * len(texts)
    assert found.stands_for_none == len(texts)
    assert found.unparsable is None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yyyymm", "201307"), ("yyyymm", "201307.0"), ("mmyyyy", "072013"), ("mmyyyy", "72013"),
        ("ddmmyyyy", "4072013"),
        ("yyyy-mm-dd", "2013-07-04"), ("dd/mm/yyyy", "04/07/2013"), ("yyyymmdd", "20130704"), ("ddmmyyyy", "04072013"),
        ("date9", "04JUL2013:00:00:00"),
    ],
)  # fmt: skip
def test_a_month_of_a_year_comes_as_a_month_or_as_a_day(form, text):
    assert values([text], "year_month", form) == [201307]


def test_what_is_no_month_of_a_year_does_not_parse():
    found = parsed(["201313", "201300", "2013-07", "juillet", "999912"], "year_month", "yyyymm")
    assert unparsable(found) == [True] * 5
    assert unparsable(parsed(["12", "7"], "year_month", "yyyymm")) == [True] * 2, "there is no year 0"
    none = parsed(["160001"], "year_month", "yyyymm")
    assert (none.values.to_list(), none.stands_for_none, unparsable(none)) == ([None], 1, [False])
    assert parsed(["01/01/0001"], "year_month", "dd/mm/yyyy").stands_for_none == 1


# Every type


@pytest.mark.parametrize("text", [text for text in MISSING_TEXTS if text])
@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
def test_texts_that_stand_for_no_value_in_the_file_are_null_in_every_column(kind, text):
    found = parsed([text, f" {text} "], kind, THE_FORM.get(kind), missing=[text])
    assert found.values.to_list() == [None, None]
    assert found.stands_for_none == 2
    assert found.unparsable is None


@pytest.mark.parametrize("text", [text for text in MISSING_TEXTS if text])
@pytest.mark.parametrize("kind", ["integer", "decimal", "date", "year", "month", "year_month"])
def test_a_text_for_no_value_is_no_wrong_number_even_where_it_appears_late(kind, text):
    """Formats are found from the first rows; a point may come in the last one."""
    found = parsed([text], kind, THE_FORM.get(kind))
    assert (found.values.to_list(), found.stands_for_none, unparsable(found)) == ([None], 1, [False])


@pytest.mark.parametrize("unusual", [False, True])
@pytest.mark.parametrize("text", NEVER_A_VALUE)
@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
def test_some_texts_stand_for_no_value_in_every_column_of_every_file(kind, text, unusual):
    found = parsed([text, None, f" {text} "], kind, THE_FORM.get(kind), unusual=unusual)
    assert found.values.to_list() == [None] * 3
    assert found.delivered.to_list() == [text, None, text]
    assert (found.stands_for_none, found.normalised, unparsable(found)) == (2, 0, [False] * 3)


def test_the_texts_that_are_never_a_value_are_these():
    assert set(NEVER_A_VALUE) == {"NULL", "null", "(null)", "\\N", "#N/A"}


@pytest.mark.parametrize("unusual", [False, True])
def test_a_point_is_kept_where_the_file_does_not_use_it_for_no_value(unusual):
    kept = ["NA", ".", "N/A", "NaN", "nan", "None", "NULLE", "#N"]
    found = parsed(kept, "text", unusual=unusual)
    assert (found.values.to_list(), found.stands_for_none) == (kept, 0)


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
def test_nothing_stays_nothing(kind):
    found = parsed([None, "", "  "], kind, THE_FORM.get(kind))
    assert found.values.to_list() == [None] * 3
    assert found.values.dtype == POLARS_TYPES[str(COLUMN_TYPES[kind].arrow)]
    assert found.delivered.to_list() == [None] * 3
    assert (found.unparsable, found.stands_for_none, found.normalised) == (None, 0, 0)
    assert parsed([], kind, THE_FORM.get(kind)).values.to_list() == []


@pytest.mark.parametrize("kind", ["code", "text", "pseudonym", "finess"])
def test_control_characters_are_refused(kind):
    found = parsed(["a\x1fb", "a\tb", "ab"], kind)
    assert unparsable(found) == [True, True, False]


def test_what_was_delivered_is_kept_without_blanks():
    assert parsed([" 01 ", "x", None], "code").delivered.to_list() == ["01", "x", None]


TEXTS = st.lists(
    st.none()
    | st.text(max_size=12)
    | st.from_regex(r"\A[0-9./,A-Z: -]{0,12}\Z")
    | st.sampled_from(["2013-07-04", "01/01/1600", "04FÉVR2013", "04072013", "201307", "0", "1.50", "NULL", "."]),
    max_size=20,
)
FORMS = st.none() | st.sampled_from(sorted(DATE_FORMATS))


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
@UNHURRIED
@given(texts=TEXTS, form=FORMS, missing=st.sampled_from([(), (".", "NULL")]), comma=st.booleans())
def test_no_value_is_lost_in_silence(kind, texts, form, missing, comma):
    """What was delivered is typed, or stands for none, or is marked as unparsable; what was not delivered is NULL."""
    if kind == "date" and form in ("yyyymm", "mmyyyy"):
        form = None  # a contract or a file never says so of a day
    found = parsed(texts, kind, form, missing=missing, decimal_comma=comma)
    wrong = pl.Series(unparsable(found), dtype=pl.Boolean)
    assert len(found.delivered) - found.delivered.null_count() == (
        len(found.values) - found.values.null_count() + int(wrong.sum() or 0) + found.stands_for_none
    )
    assert found.values.filter(wrong).null_count() == int(wrong.sum() or 0)
    assert found.delivered.filter(wrong).null_count() == 0
    assert found.values.filter(found.delivered.is_null()).is_null().all()
    assert found.values.dtype == POLARS_TYPES[str(COLUMN_TYPES[kind].arrow)]


@pytest.mark.parametrize("kind", ["text", "code", "finess", "pseudonym"])
@UNHURRIED
@given(texts=st.lists(st.none() | st.text("0123456789.AB ", max_size=12), max_size=20))
def test_spelling_is_settled_at_once(kind, texts):
    once = parsed(texts, kind).values
    again = parsed(once.to_list(), kind)
    assert again.values.equals(once)
    assert again.normalised == 0


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
@UNHURRIED
@given(texts=TEXTS, form=FORMS)
def test_values_written_again_are_read_as_the_same_values(kind, texts, form):
    if kind == "date" and form in ("yyyymm", "mmyyyy"):
        form = None
    once = parsed(texts, kind, form).values
    again = parsed(as_text(once.to_frame(), PARQUET_FILE)["COLUMN"].to_list(), kind, THE_FORM.get(kind))
    assert again.values.equals(once)
    assert (again.unparsable, again.stands_for_none) == (None, 0)


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
@UNHURRIED
@given(texts=st.lists(st.none() | st.from_regex(r"\A[!-~]([ -~]{0,10}[!-~])?\Z"), max_size=20))
def test_the_short_way_for_clean_files_gives_the_same(kind, texts):
    """A file without unusual bytes or blanks at the ends of values is not searched for them."""
    long, short = parsed(texts, kind), parsed(texts, kind, unusual=False, blanks=False)
    assert short.values.equals(long.values)
    assert short.delivered.equals(long.delivered)
    assert unparsable(short) == unparsable(long)
    assert (short.stands_for_none, short.normalised) == (long.stands_for_none, long.normalised)


@UNHURRIED
@given(day=st.dates(date(1600, 1, 2), date(2199, 12, 31)))
def test_eight_digits_are_a_day_in_one_format_only(day):
    """Years begin with 16 to 21, so no month can be taken for the beginning of a year."""
    assert values([day.strftime("%d%m%Y")], "date", "ddmmyyyy") == [day]
    assert values([day.strftime("%Y%m%d")], "date", "yyyymmdd") == [day]
    assert values([day.strftime("%d%m%Y")], "date", "yyyymmdd") == [None]
    assert values([day.strftime("%Y%m%d")], "date", "ddmmyyyy") == [None]
