"""PERSON from prepared beneficiaries."""

from datetime import date, datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.io_managers.stored import write_csv
from snds_omop_assets.omop.person import birth_datetimes, person_frame, person_table
from snds_omop_assets.omop.person_pyramid import AgePyramid
from snds_omop_assets.preparation.identities import PERSONS
from snds_omop_assets.preparation.shapes import schema_of
from snds_omop_assets.tables import frame_of
from snds_omop_assets.vocabulary.maps import read_map
from snds_omop_assets_tests.conftest import KEY, only, rows_of

PREPARED = schema_of(PERSONS)

GENDERS = {line.code: line.concept_id for line in read_map("sex")}

CAMILLE = {
    "person_key": "DPXX:1X", "person_source_value": "DPXX:0000000000000000001X", "BEN_SEX_COD": "2",
    "BEN_SEX_COD_DELIVERED": "2", "BEN_NAI_ANN": 1963, "BEN_NAI_MOI": 12, "commune": "75114", "department": "75",
    "person_id": omop_id(KEY, "person", "DPXX:1X"),
}  # fmt: skip


def person(**differences):
    row = {**CAMILLE, **differences}
    beneficiaries = frame_of(pa.Table.from_pylist([{name: row.get(name) for name in PREPARED.names}], PREPARED))
    return person_frame(beneficiaries, GENDERS, KEY).iloc[0]


def test_camille():
    camille = person()
    assert camille["person_id"] == omop_id(KEY, "person", "DPXX:1X")
    assert camille["gender_concept_id"] == 8532
    assert (camille["year_of_birth"], camille["month_of_birth"]) == (1963, 12)
    assert camille["location_id"] == omop_id(KEY, "location", "75114")
    assert camille["person_source_value"] == "DPXX:0000000000000000001X"
    assert camille["gender_source_value"] == "2"
    assert (camille["race_concept_id"], camille["ethnicity_concept_id"]) == (0, 0)


@pytest.mark.parametrize(("code", "concept"), [("1", 8507), ("2", 8532), ("0", 0), ("9", 0), ("7", 0), (None, 0)])
def test_a_person_of_unknown_sex_stays(code, concept):
    assert person(BEN_SEX_COD=code)["gender_concept_id"] == concept


def test_an_unknown_month_is_null():
    assert pd.isna(person(BEN_NAI_MOI=None)["month_of_birth"])


@pytest.mark.parametrize(
    ("told", "born"),
    [
        ({"BEN_NAI_MOI": 12}, datetime(1963, 12, 1)),
        ({"BEN_NAI_MOI": 1, "first_care": date(1963, 4, 2)}, datetime(1963, 1, 1)),
        ({"BEN_NAI_MOI": None}, datetime(1963, 6, 15)),
        ({"BEN_NAI_MOI": None, "first_care": date(1963, 4, 2)}, datetime(1963, 4, 2)),
        ({"BEN_NAI_ANN": 2300, "BEN_NAI_MOI": 2}, datetime(2300, 2, 1)),
    ],
)
def test_the_birth_is_the_first_of_its_month_else_the_first_care_of_its_year_else_the_middle_of_june(told, born):
    """OHDSI's convention; the day of birth stays unknown."""
    one = person(**told)
    assert one["birth_datetime"] == born
    assert pd.isna(one["day_of_birth"])


@given(births=st.lists(st.tuples(st.integers(1850, 2100), st.none() | st.integers(1, 12), st.booleans()), max_size=8))
def test_a_birth_lies_in_its_year_and_month_and_not_after_the_first_care(births):
    rows = [
        {**CAMILLE, "BEN_NAI_ANN": year, "BEN_NAI_MOI": month, "first_care": date(year, 1, 3) if care else None}
        for year, month, care in births
    ]
    prepared = pa.Table.from_pylist([{name: row.get(name) for name in PREPARED.names} for row in rows], PREPARED)
    found = birth_datetimes(frame_of(prepared))
    for born, (year, month, care) in zip(found, births, strict=True):
        assert (born.year, born.hour) == (year, 0)
        assert born.month == (month or (1 if care else 6))
        assert not care or month not in (None, 1) or born <= pd.Timestamp(year, 1, 3)


def test_without_a_commune_the_person_lives_in_the_department_and_without_that_nowhere():
    assert person(commune=None)["location_id"] == omop_id(KEY, "location", "75")
    assert pd.isna(person(commune=None, department=None)["location_id"])


def test_the_columns_are_those_of_the_cdm_in_its_order():
    assert list(person().index) == cdm_tables()["person"].schema.names


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_the_file_does_not_depend_on_the_size_of_the_chunks(stored, settings, tmp_path, monkeypatch, chunk, maps):
    rows = [{**CAMILLE, "person_key": f"P{n}", "person_id": n, "commune": None if n % 2 else "75114"} for n in range(7)]
    beneficiaries = stored("beneficiaries", PREPARED, rows)
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    write_csv(person_table(beneficiaries, maps, settings), whole)
    monkeypatch.setattr("snds_omop_assets.io_managers.stored.CHUNK_ROWS", chunk)
    assert write_csv(person_table(beneficiaries, maps, settings), cut) == 7
    assert cut.read_bytes() == whole.read_bytes()


def test_small_counts_of_persons_are_not_told(stored, settings, maps):
    """Twelve persons without a month may be told, three of unknown sex may not."""
    rows = [
        {**CAMILLE, "person_key": f"P{n}", "person_id": n, "BEN_NAI_MOI": None, "BEN_SEX_COD": "0" if n < 3 else "2"}
        for n in range(12)
    ]
    frames = person_table(stored("beneficiaries", PREPARED, rows), maps, settings)
    assert len(rows_of(frames)) == 12
    told = frames.metadata()
    assert told["month of birth unknown"] == 12
    assert told["sex unknown (concept 0)"] == "fewer than 11"
    assert told["place of residence unknown"] == 0


def test_the_pyramid_leaves_out_small_bars():
    pyramid = AgePyramid()
    for _ in range(3):
        pyramid.add(pd.DataFrame({"gender_concept_id": [8507, 8532, 0], "year_of_birth": [1963, 1969, 1963]}))
    assert pyramid.shown(8507, 1960, small_cell=3) == 3
    assert pyramid.shown(8532, 1960, small_cell=4) == 0
    assert "data:image/png" in pyramid.picture(1).md_str


def test_one_beneficiary_one_person(stored, settings, maps):
    rows = rows_of(person_table(stored("beneficiaries", PREPARED, [CAMILLE]), maps, settings))
    assert only(rows)["month_of_birth"] == 12
