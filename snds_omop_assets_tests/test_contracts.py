"""The contracts and the project's maps hold together."""

import csv

import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.geography import CORSICA, DEPARTMENTS
from snds_omop_assets.contracts.pandera_schemas import cdm_schema, snds_schema
from snds_omop_assets.contracts.snds_tables import _column, layouts, official_tables
from snds_omop_assets.errors import ContractError
from snds_omop_assets.vocabulary.maps import CONCEPTS, concept_by_code, read_map

NINE_KEYS = (
    "FLX_DIS_DTD", "FLX_TRT_DTD", "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "ORG_CLE_NUM", "DCT_ORD_NUM",
    "PRS_ORD_NUM", "REM_TYP_AFF",
)  # fmt: skip


def read(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_cdm_has_its_39_tables_and_the_keys_that_the_checks_need():
    tables = cdm_tables()
    assert len(tables) == 39
    assert tables["person"].schema.names[:4] == ["person_id", "gender_concept_id", "year_of_birth", "month_of_birth"]
    assert tables["person"].primary_key == "person_id"
    assert {f.name for f in tables["person"].references} == {"location_id", "provider_id", "care_site_id"}
    for table in tables.values():
        for field in table.references:
            assert field.reference.field in tables[field.reference.table].schema.names


@pytest.mark.parametrize("name", sorted(cdm_tables()))
def test_every_cdm_table_gives_a_pandera_schema(name):
    schema = cdm_schema(cdm_tables()[name])
    assert list(schema.columns) == cdm_tables()[name].schema.names
    assert schema.strict and schema.ordered


@pytest.mark.parametrize("name", sorted(official_tables()))
def test_every_snds_table_gives_a_pandera_schema_in_every_layout(name):
    for layout in layouts().values():
        table = layout.tables[name]
        schema = snds_schema(table)
        assert {c for c, column in schema.columns.items() if not column.nullable} == {
            column.name for column in table.columns.values() if column.required
        }


def test_the_tables_of_the_dcir_share_the_nine_keys():
    for name in ("ER_PRS_F", "ER_ETE_F", "ER_PHA_F", "ER_CAM_F"):
        assert official_tables()[name].key == NINE_KEYS
        assert all(official_tables()[name].columns[key].required for key in NINE_KEYS)


def test_the_teaching_layout_changes_its_own_contracts_and_not_the_official_ones():
    official, teaching = layouts()["official"].tables, layouts()["teaching"].tables
    assert teaching["ER_PRS_F"].key == ("ID",)
    assert teaching["IR_BEN_R"].columns["BEN_NIR_PSA"].padding_ignored
    assert not official["IR_BEN_R"].columns["BEN_NIR_PSA"].padding_ignored
    assert not teaching["ER_ETE_F"].delivered
    assert official["ER_ETE_F"].delivered


@pytest.mark.parametrize(
    ("attributes", "sentence"), [({"typ": "code"}, "unknown attribute typ"), ({"type": "codes"}, "unknown type codes")]
)
def test_a_mistake_in_a_contract_is_said_with_file_and_column(tmp_path, attributes, sentence):
    with pytest.raises(ContractError, match=rf"x\.yaml: column BEN_SEX_COD has an {sentence}"):
        _column("BEN_SEX_COD", attributes, tmp_path / "x.yaml")


def test_every_concept_that_a_map_gives_is_known_and_of_the_right_domain():
    domains = {int(row["concept_id"]): row["domain_id"] for row in read(CONCEPTS)}
    for name, domain in (("specialties", "Provider"), ("sex", "Gender")):
        for line in read_map(name):
            assert domains[line.concept_id] == (domain if line.concept_id else "Metadata")
            assert (line.status == "no target") == (line.concept_id == 0)
            assert line.evidence or line.concept_id == 0


def test_the_map_of_specialties_has_each_code_once():
    lines = [(line.nomenclature, line.code) for line in read_map("specialties")]
    assert len(lines) == len(set(lines)) == 87
    assert concept_by_code("sex") == {"1": 8507, "2": 8532, "0": 0, "9": 0}


@pytest.mark.parametrize(
    ("nomenclature", "code", "concept"),
    [
        ("IR_SPE_V", "1", 38004446),
        ("IR_SPE_V", "6", 45756825),
        ("IR_ACT_V", "26", 38004490),
        ("IR_ACT_V", "50", 38003810),
    ],
)
def test_the_specialties_of_the_story(nomenclature, code, concept):
    found = {(line.nomenclature, line.code): line.concept_id for line in read_map("specialties")}
    assert found[nomenclature, code] == concept


def test_geography():
    departments = {row["department"]: row for row in read(DEPARTMENTS)}
    assert len(departments) == 104
    assert departments["75"]["region"] == "11"
    assert departments["2A"]["region"] == "94"
    assert departments["978"]["region"] == ""
    corsica = read(CORSICA)
    assert len(corsica) == len({row["commune"] for row in corsica}) == 360
