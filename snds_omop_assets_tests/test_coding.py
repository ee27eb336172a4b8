"""Columns as codes: each different text once, and which of them each row has."""

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.reception.coding import (
    DICTIONARY,
    ROWS_OF_A_TEXT,
    Texts,
    different,
    from_arrow,
    to_arrow,
    with_codes,
)

CHUNKS = st.lists(st.lists(st.none() | st.text(max_size=3) | st.sampled_from("AB"), max_size=30), max_size=4)


def read(chunks, kind=DICTIONARY):
    """A table of one column as Arrow reads it: each block with a dictionary of its own."""
    return pa.table({"C": pa.chunked_array([pa.array(chunk, pa.string()).cast(kind) for chunk in chunks], kind)})


@settings(deadline=None)
@given(chunks=CHUNKS)
def test_a_column_is_the_same_coded_and_plain_there_and_back(chunks):
    texts = [text for chunk in chunks for text in chunk]
    frame = from_arrow(read(chunks))
    assert frame["C"].to_list() == from_arrow(read(chunks, pa.string()))["C"].to_list() == texts
    back = to_arrow(frame)["C"]
    assert back.to_pylist() == texts
    assert back.type == (DICTIONARY if isinstance(frame["C"].dtype, pl.Enum) else pa.string_view())


@pytest.mark.parametrize("texts", [1, 255, 256, 65_535, 65_536])
def test_codes_are_as_wide_as_their_number_asks(texts):
    chunk = [f"{number}" for number in range(texts)] * ROWS_OF_A_TEXT
    column = from_arrow(read([chunk[:1000], chunk[1000:]]))["C"]
    assert isinstance(column.dtype, pl.Enum)
    assert column.to_list() == chunk


def test_a_column_with_as_many_texts_as_rows_is_plain():
    texts = [f"{number}" for number in range(100)]
    assert from_arrow(read([texts, texts]))["C"].dtype == pl.String, "in each block"
    some = [[f"{number + 10 * block}" for number in range(10)] * 3 for block in range(9)]
    assert from_arrow(read(some))["C"].dtype == pl.String, "over the blocks"
    assert from_arrow(read([[text] for text in "AB"] * 100))["C"].dtype == pl.String, "blocks of one row tell nothing"


@pytest.mark.parametrize("kind", [pl.String, pl.Enum(["A", "B", "C"])])
def test_texts_know_their_rows(kind):
    column = pl.Series("C", ["A", None, "B", "A"] * ROWS_OF_A_TEXT, dtype=kind)
    texts = Texts.of(column)
    assert dict(zip(texts.texts, texts.rows, strict=True))["A"] == 2 * ROWS_OF_A_TEXT
    assert texts.rows_with(texts.texts == "B") == ROWS_OF_A_TEXT
    assert texts.rows_with(texts.texts == "C") == 0
    assert texts.followed_by_rows(texts.texts).to_list() == column.to_list()
    assert sorted(texts.counts(texts.texts).rows()) == [("A", 2 * ROWS_OF_A_TEXT), ("B", ROWS_OF_A_TEXT)]
    merged = texts.spelled(texts.texts.replace({"A": "x", "B": "x", "C": None}))
    assert merged.to_list() == ["x", None, "x", "x"] * ROWS_OF_A_TEXT
    assert merged.dtype == pl.Enum(["x"])


def test_the_different_texts_of_a_column():
    assert sorted(different(pl.Series(["B", None, "A", "B"]))) == ["A", "B"]
    assert different(pl.Series(["B", None], dtype=pl.Enum(["A", "B"]))).to_list() == ["A", "B"]


def test_plain_columns_are_coded_where_it_pays():
    frame = pl.DataFrame({"FEW": ["A", None] * 50, "MANY": [f"{row}" for row in range(100)], "LEFT": ["A"] * 100})
    found = with_codes(frame, ["FEW", "MANY", "NOT_THERE"])
    assert found.dtypes == [pl.Enum(["A"]), pl.String, pl.String]
    assert found.rows() == frame.rows()
    assert with_codes(frame.clear(), ["FEW"]).rows() == []
