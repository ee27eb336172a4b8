"""One delivered column to one typed column."""

import datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snds_omop_assets.contracts.column_types import COLUMN_TYPES
from snds_omop_assets.contracts.snds_tables import Column
from snds_omop_assets.reception.parsing import parse


def parsed(texts, kind="text", **attributes):
    return parse(pd.Series(texts, dtype="string[pyarrow]"), Column("COLUMN", "libellé", kind, **attributes))


def values(texts, kind="text", **attributes):
    found = parsed(texts, kind, **attributes).values
    return [None if pd.isna(value) else value for value in found]


def test_one_code_has_one_spelling():
    assert values(["1", "01", "1.0", " 1 ", "1,0", "001.00"], "code") == ["1"] * 6


def test_codes_with_letters_stay_as_they_are():
    assert values(["2A", "LFQK002", "01C751000", "0A"], "code") == ["2A", "LFQK002", "01C751000", "0A"]


def test_codes_of_a_fixed_width_are_padded():
    assert values(["75", "75.0", "075", "2A", "971"], "code", width=3) == ["075", "075", "075", "02A", "971"]


def test_what_does_not_look_like_the_code_does_not_parse():
    found = parsed(["114", "75114", "ABC", "14"], "code", width=3, pattern=r"\d{3}")
    assert found.unparsable.tolist() == [False, True, True, False]


def test_a_pseudonym_is_too_long_for_a_code():
    """The pseudonyms of the SNDS have 17 characters; the longest code, a CIP, has 13."""
    assert parsed(["3400934841682", "A" * 17], "code").unparsable.tolist() == [False, True]


def test_zero_is_a_code_unless_the_contract_says_that_it_stands_for_none():
    assert values(["0", "00", "0.0"], "code") == ["0", "0", "0"]
    absent = parsed(["0", "00", "99", "7"], "code", missing=frozenset({"0", "99"}))
    assert [pd.isna(value) for value in absent.values] == [True, True, True, False]
    assert absent.stands_for_none.tolist() == [True, True, True, False]
    assert not absent.unparsable.any()


def test_a_finess_is_completed_and_loses_its_decimals():
    assert values(["75010016", "750300360.0", "00000000", "2b000998", "1000002.0"], "finess") == [
        "750100166", "750300360", None, "2B0009989", "010000024",
    ]  # fmt: skip


def test_numbers_take_a_decimal_comma_or_point():
    assert values(["23,00", "-1.5", "7", "1 000", "abc", "1e5"], "decimal") == [23.0, -1.5, 7.0, None, None, None]


def test_whole_numbers_refuse_what_is_not_whole():
    assert values(["12", "-3", "05", "12.0", "1.5", "douze", "9" * 19], "integer") == [12, -3, 5, 12, None, None, None]


def test_dates_are_iso_or_french_and_nothing_else():
    day = datetime.datetime(2013, 7, 4)
    texts = ["2013-07-04", "04/07/2013", "2013-07-04 00:00:00", "2013-07-04T00:00:00.000"]
    assert values([*texts, "04JUL2013", "04Jul2013:00:00:00"], "date") == [day] * 6
    months = parsed(["2013-07", "31/02/2013", "2013-13-01", "04.07.2013", "2013-07-04 08:30:00"], "date")
    assert months.values.isna().all()
    assert months.unparsable.all()


def test_the_dates_of_1600_stand_for_none_and_are_no_error():
    found = parsed(["1600-01-01", "01/01/1600", "01/01/0001"], "date")
    assert found.values.isna().all()
    assert found.stands_for_none.all()
    assert not found.unparsable.any()


def test_padding_inside_a_pseudonym_is_dropped_only_where_the_contract_says_so():
    texts = ["DPXX:0000000000000000001X", "DPXX:01X", "DPXX:1X", "DPXX:10X"]
    assert values(texts, "pseudonym") == texts
    assert values(texts, "pseudonym", padding_ignored=True) == ["DPXX:1X", "DPXX:1X", "DPXX:1X", "DPXX:10X"]


def test_control_characters_are_refused():
    found = parsed(["a\x1fb", "a\tb", "ab"], "code")
    assert found.unparsable.tolist() == [True, True, False]


def test_values_spelled_otherwise_are_counted():
    assert parsed(["1", "01", "1.0", None, " 1"], "code").normalised.tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
@given(texts=st.lists(st.none() | st.text(max_size=12) | st.from_regex(r"\A[0-9./,A-Z: -]{0,12}\Z"), max_size=20))
def test_no_value_is_lost_in_silence(kind, texts):
    """What was delivered is typed, or stands for none, or is marked as unparsable; what was not delivered is NULL."""
    found = parsed(texts, kind)
    fates = found.values.notna().astype(int) + found.stands_for_none.astype(int) + found.unparsable.astype(int)
    assert (fates == found.delivered.notna().astype(int)).all()


@pytest.mark.parametrize("kind", ["text", "code", "finess", "pseudonym"])
@given(texts=st.lists(st.none() | st.text("0123456789.AB ", max_size=12), max_size=20))
def test_spelling_is_settled_at_once(kind, texts):
    once = parsed(texts, kind).values
    again = parsed(once.tolist(), kind).values
    assert again.equals(once)
