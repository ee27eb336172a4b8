"""Resolution with Spark: the same steps give the same tables as with DuckDB."""

import datetime as dt

import pyarrow as pa
import pytest

from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.vocabulary.resolve import Resolution, resolve
from snds_omop_assets.vocabulary.shapes import MAPS_TO, MAPS_TO_VALUE, PROJECT, USER
from snds_omop_assets_tests.plain_resolution import LINKS_OF_ATC, REPLACED, World

pytestmark = pytest.mark.spark

END, START = dt.date(2015, 12, 31), dt.date(2016, 1, 1)
PAIN, FEVER, NOTE, YES, DRUG, INGREDIENT = range(9_000_101, 9_000_107)
UNKNOWN = 9_999_999

CODES = [
    ("CIM10", "A001"),  # two targets, one with a value
    ("CIM10", "A0019"),  # trimmed
    ("CIM10", "A00+1"),  # trimmed to ICD10
    ("CIM10", "B01"),  # replaced at the end of 2015
    ("CIM10", "B02"),  # a circle of replacements
    ("CIM10", "B03"),  # used twice
    ("CIM10", "B04"),  # a refused target, then that of ICD10
    ("CIM10", "B05"),  # a value without place
    ("CIM10", "??"),  # no code
    ("CIP13", "3400930000011"),  # BDPM
    ("CIP7", "3500001"),  # ATC
    ("UCD", "3400890000011"),  # through a pack
    ("UCD", "0000009000002"),  # ATC
    ("CCAM", "AAAA001-01"),  # the project's map, trimmed
    ("NABM", "552"),  # the user's map, for some years
    ("NABM", "553"),  # the user's 0
    ("LPP", "1234567"),  # a refused target of the user, with its replacement
    ("PRS_NAT_VISIT", "1111"),  # the wrong domain
    ("CSARR", "AAA+001"),  # nothing
]


def a_world_of_every_path() -> World:
    """A made-up vocabulary, maps and packs with something for each of CODES."""
    world = World()
    for target, domain in [(PAIN, "Condition"), (FEVER, "Condition"), (NOTE, "Observation"), (YES, "Meas Value")]:
        world.target(target, domain)
    world.target(DRUG, "Drug")
    world.target(INGREDIENT, "Drug", "Ingredient")
    ids = iter(range(9_000_001, 9_000_100))

    def concept(vocabulary: str, code: str, *targets: int, **rest: object) -> int:
        concept_id = world.concept(next(ids), vocabulary, code, **rest)  # type: ignore[arg-type]
        world.relate(concept_id, MAPS_TO, *targets)
        return concept_id

    world.relate(concept("CIM10", "A00.1", PAIN, NOTE), MAPS_TO_VALUE, YES)
    concept("ICD10", "A00", FEVER)
    world.relate(
        concept("CIM10", "B01", PAIN, end=END, invalid="U"), REPLACED, concept("CIM10", "B09", FEVER, start=START)
    )
    circle = [concept("CIM10", "B02", end=END, invalid="U"), concept("CIM10", "B08", FEVER)]
    world.relate(circle[0], REPLACED, circle[1])
    world.relate(circle[1], REPLACED, circle[0])
    concept("CIM10", "B03", FEVER, start=START)
    concept("CIM10", "B03", PAIN, end=END, invalid="D")
    concept("CIM10", "B04", UNKNOWN)
    concept("ICD10", "B04", PAIN)
    world.relate(concept("CIM10", "B05", PAIN), MAPS_TO_VALUE, YES)
    concept("BDPM", "3000001", DRUG, domain="Drug")
    concept("CCAM", "AAAA001", domain="Procedure")
    world.relate(concept("ATC", "Z99ZZ01", domain="Drug"), LINKS_OF_ATC[0], INGREDIENT, DRUG)
    for pack in [("3000001", "9000001", "Z99ZZ01"), ("3500001", None, "Z99ZZ01"), ("3500002", "9000002", "Z99ZZ01")]:
        world.pack(*pack)
    old = concept("Made", "old", PAIN, invalid="U")
    world.line(PROJECT, "CCAM", "AAAA001", NOTE)
    world.line(PROJECT, "NABM", "552", NOTE)
    world.line(USER, "NABM", "552", PAIN, start=START, end=dt.date(2017, 12, 31))
    world.line(USER, "NABM", "553", 0)
    world.line(USER, "LPP", "1234567", old)
    world.line(PROJECT, "PRS_NAT_VISIT", "1111", PAIN)
    return world


def resolved(session: Session) -> Resolution:
    """Resolve CODES."""
    names, codes = zip(*CODES, strict=True)
    table = pa.table({"nomenclature": list(names), "code": list(codes)})
    return resolve(session, table, *a_world_of_every_path().tables())


def test_spark_says_what_duckdb_says(spark):
    with duckdb_session() as session:
        expected = resolved(session)
    rows = expected.code_map.to_pylist()
    assert {r["status"] for r in rows} == {"mapped", "remapped", "unmapped", "rejected"}
    assert {r["precision"] for r in rows} == {"code", "trimmed", "pack", "ingredient", None}
    assert {r["origin"] for r in rows} == {USER, "vocabulary", PROJECT, None}
    assert {r["value_as_concept_id"] for r in rows} == {YES, None}
    assert {r["reason"] for r in expected.rejected.to_pylist()} == {
        "unknown", "invalid", "wrong domain", "value without place"
    }  # fmt: skip

    found = resolved(SparkSessionOfModels(spark))
    assert found.code_map.to_pylist() == rows
    assert found.rejected.to_pylist() == expected.rejected.to_pylist()
    assert (found.code_map.schema, found.rejected.schema) == (expected.code_map.schema, expected.rejected.schema)
