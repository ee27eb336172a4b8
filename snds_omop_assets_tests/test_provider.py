"""PROVIDER with Spark: the specialties and activities, and the codes met in the claims only."""

import pytest

from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.omop.provider import met_codes, provider_frame
from snds_omop_assets.vocabulary.maps import read_map
from snds_omop_assets_tests.conftest import KEY

pytestmark = pytest.mark.spark

CLAIM = (
    "PSE_SPE_COD string, PSE_SPE_COD_DELIVERED string, PSE_ACT_NAT string, PSE_ACT_NAT_DELIVERED string, "
    "PSP_SPE_COD string, PSP_SPE_COD_DELIVERED string, PSP_ACT_NAT string, PSP_ACT_NAT_DELIVERED string"
)


@pytest.fixture
def providers(spark, maps):
    """PROVIDER rows by source value, from rows of the three tables and the project's maps."""
    return lambda *rows, **more: _providers(spark, maps, *rows, **more)


def _providers(spark, maps, specialties=(), activities=(), claims=()):
    frames = {
        "IR_SPE_V": spark.createDataFrame(
            list(specialties), "PFS_SPE_COD string, PFS_SPE_COD_DELIVERED string, PFS_SPE_LIB string"
        ),
        "IR_ACT_V": spark.createDataFrame(
            list(activities), "PFS_ACT_NAT string, PFS_ACT_NAT_DELIVERED string, ACT_NAT_LIB string"
        ),
    }
    codes = met_codes(frames, spark.createDataFrame(list(claims), CLAIM))
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


def test_three_spellings_of_a_code_are_one_provider(providers):
    """1, 01 and 1.0 in the claims; the nomenclature writes 01, and its spelling stays."""
    claims = [("1", spelling, None, None, None, None, None, None) for spelling in ("1", "01", "1.0")]
    found = providers([("1", "01", "MEDECINE GENERALE")], claims=claims)
    assert found.keys() == {"SPE:1"}
    assert found["SPE:1"].specialty_source_value == "01"


def test_codes_of_the_claims_alone_are_kept_without_concept_or_name(providers):
    """A prescriber's specialty 86 and an executor's activity 41 are in no nomenclature."""
    claims = [(None, None, "41", "41.0", "86", "86", None, None), (None, None, "41", "41", None, None, None, None)]
    found = providers(claims=claims)
    assert found.keys() == {"SPE:86", "ACT:41"}
    assert found["ACT:41"].specialty_source_value == "41", "the shortest spelling"
    assert all((row.specialty_concept_id, row.provider_name) == (0, None) for row in found.values())


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
