"""PROVIDER with Spark: the specialties and activities, and the codes that only the facts have."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.omop.provider import _met_places, met_codes, provider_frame
from snds_omop_assets.preparation.prepared_years import Prepared
from snds_omop_assets.preparation.shapes import MET_PLACES, schema_of
from snds_omop_assets.vocabulary.maps import read_map
from snds_omop_assets_tests.conftest import KEY

pytestmark = pytest.mark.spark


@pytest.fixture
def providers(spark, maps):
    """PROVIDER rows by source value, from rows of the three tables and the project's maps."""
    return lambda *rows, **more: _providers(spark, maps, *rows, **more)


def _providers(spark, maps, specialties=(), activities=(), met=()):
    frames = {
        "IR_SPE_V": spark.createDataFrame(
            list(specialties), "PFS_SPE_COD string, PFS_SPE_COD_DELIVERED string, PFS_SPE_LIB string"
        ),
        "IR_ACT_V": spark.createDataFrame(
            list(activities), "PFS_ACT_NAT string, PFS_ACT_NAT_DELIVERED string, ACT_NAT_LIB string"
        ),
    }
    places = [("provider", code) for code in met] + [("site", "750100166")]
    codes = met_codes(frames, spark.createDataFrame(places, "kind string, code string"))
    rows = provider_frame(codes, spark.read.parquet(str(maps.path)), KEY).collect()
    assert [row.provider_source_value for row in rows] == sorted(row.provider_source_value for row in rows)
    return {row.provider_source_value: row for row in rows}


def test_the_two_lists_overlap_and_stay_apart(providers):
    found = providers([("1", "1", "MEDECINE GENERALE")], [("1", "1", "AUTRE"), ("26", "26", "KINE")])
    assert found.keys() == {"SPE:1", "ACT:1", "ACT:26"}
    general_practice = found["SPE:1"]
    assert general_practice.specialty_concept_id == 38004446
    assert general_practice.provider_name == "MEDECINE GENERALE"
    assert general_practice.provider_id == omop_id(KEY, "provider", "SPE:1")
    assert found["ACT:1"].specialty_concept_id == 0
    assert found["ACT:26"].specialty_concept_id == 38004490


def test_what_the_facts_mention_and_the_nomenclature_has_is_one_provider(providers):
    """The nomenclature writes 01, and its spelling stays."""
    found = providers([("1", "01", "MEDECINE GENERALE")], met=["SPE:1", "SPE:1"])
    assert found.keys() == {"SPE:1"}
    assert found["SPE:1"].specialty_source_value == "01"


def test_a_nomenclature_that_spells_a_code_twice_gives_one_provider(providers):
    found = providers([("1", "01", "MEDECINE GENERALE"), ("1", "1", "MEDECINE GENERALE")])
    assert found["SPE:1"].specialty_source_value == "1", "the shortest spelling"


def test_codes_of_the_facts_alone_are_kept_without_concept_or_name(providers):
    """A prescriber's specialty 86 and an executor's activity 41 are in no nomenclature."""
    found = providers(met=["ACT:41", "SPE:86"])
    assert found.keys() == {"SPE:86", "ACT:41"}
    assert found["ACT:41"].specialty_source_value == "41"
    assert all((row.specialty_concept_id, row.provider_name) == (0, None) for row in found.values())


def test_whom_the_facts_mention_is_read_from_all_years_and_may_be_nobody(spark, settings, monkeypatch, tmp_path):
    assert _met_places(spark, settings).collect() == []
    for year, code in ((2018, "SPE:1"), (2019, "ACT:26")):
        row = {"kind": "provider", "code": code, "part_of": None, "type_code": None}
        table = pa.Table.from_pylist([row], schema_of(MET_PLACES))
        pq.write_table(table, tmp_path / f"{year}.parquet")
    files = {"claims": [tmp_path / "2018.parquet"], "stays": [tmp_path / "2019.parquet"]}
    monkeypatch.setattr(Prepared, "files", lambda self, piece: files[self.kind.name] if piece == "places" else [])
    assert {row.code for row in _met_places(spark, settings).collect()} == {"SPE:1", "ACT:26"}


def test_an_error_of_spark_tells_neither_the_id_key_nor_data(spark):
    """Spark prints the plan, with the key as a literal, when a column is missing."""
    from pyspark.sql import functions as f

    from snds_omop_assets.engines.spark_engine import omop_id_column, spark_said_plainly
    from snds_omop_assets.errors import EngineError

    rows = spark.createDataFrame([("DPXX:1X",)], "code string")
    with pytest.raises(EngineError, match="Spark failed with CAST_INVALID_INPUT") as refusal, spark_said_plainly():
        rows.select(omop_id_column(KEY, "provider", f.col("code")), f.col("code").cast("int")).collect()
    assert KEY not in str(refusal.value)
    assert "DPXX" not in str(refusal.value)


def test_every_code_of_the_map_has_its_concept(providers):
    lines = read_map("specialties")
    specialties = [(m.code, m.code, m.label) for m in lines if m.nomenclature == "IR_SPE_V"]
    activities = [(m.code, m.code, m.label) for m in lines if m.nomenclature == "IR_ACT_V"]
    found = providers(specialties, activities)
    assert len(found) == len(lines)
    for line in lines:
        prefix = "SPE" if line.nomenclature == "IR_SPE_V" else "ACT"
        assert found[f"{prefix}:{line.code}"].specialty_concept_id == line.concept_id
