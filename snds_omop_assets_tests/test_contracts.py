"""The contracts hold together."""

import csv
import re
from collections import Counter

import polars as pl
import pytest

from snds_omop_assets.contracts.cdm_schemas import cdm_schema
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.column_types import COLUMN_TYPES, DATE_FORMATS
from snds_omop_assets.contracts.contract_files import (
    SNDS_CONTRACTS,
    _column,
    default_thresholds,
    layouts,
    official_tables,
)
from snds_omop_assets.contracts.geography import CORSICA, DEPARTMENTS
from snds_omop_assets.contracts.nomenclatures import known_codes, unpadded
from snds_omop_assets.contracts.snds_schemas import faults, polars_type, snds_schema
from snds_omop_assets.errors import ContractError

NINE_KEYS = (
    "FLX_DIS_DTD", "FLX_TRT_DTD", "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "ORG_CLE_NUM", "DCT_ORD_NUM",
    "PRS_ORD_NUM", "REM_TYP_AFF",
)  # fmt: skip


def read(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def project(folder, text, name="ours.yaml"):
    """A project's folder of contracts with one file."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


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


def test_the_contracts_have_every_table_of_the_public_dictionary():
    products = Counter(table.product for table in official_tables().values())
    assert products == {
        "dcir": 16, "mco": 65, "ssr": 40, "had": 29, "rip": 27, "beneficiaries": 9, "deaths": 2, "referentials": 4,
        "nomenclatures": 41,
    }  # fmt: skip
    assert sum(products.values()) == 233
    assert sum(len(table.columns) for table in official_tables().values()) > 4000


def test_every_line_of_the_contracts_is_a_column_of_a_table_and_stands_once():
    products = {line["table"]: line["product"] for line in read(SNDS_CONTRACTS / "tables.csv")}
    assert list(products) == list(official_tables())
    files = {path.stem for path in SNDS_CONTRACTS.glob("*.csv")} - {"tables"}
    assert files == set(products.values())
    for product in sorted(files):
        lines = [(line["table"], line["column"]) for line in read(SNDS_CONTRACTS / f"{product}.csv")]
        assert len(lines) == len(set(lines))
        assert {products[table] for table, _ in lines} == {product}
        assert sorted(lines) == sorted(
            (table.name, column)
            for table in official_tables().values()
            if table.product == product
            for column in table.columns
        )


@pytest.mark.parametrize("name", sorted(official_tables()))
def test_every_snds_table_gives_a_pandera_schema_in_every_layout(name):
    for layout in layouts().values():
        table = layout.tables[name]
        schema = snds_schema(table)
        assert list(schema.columns) == list(table.columns)
        assert {c for c, column in schema.columns.items() if not column.nullable} == {
            column.name for column in table.columns.values() if column.required
        }
        frame = pl.DataFrame(
            {c.name: [] for c in table.columns.values()}, {c.name: polars_type(c) for c in table.columns.values()}
        )
        assert faults(frame, schema, table).height == 0


@pytest.mark.parametrize("kind", [pl.String, pl.Enum(["075", "02A"])])
def test_a_text_is_judged_coded_and_plain(kind):
    table = official_tables()["IR_BEN_R"]
    required = next(column.name for column in table.columns.values() if column.required)
    schema = snds_schema(table, [required, "BEN_RES_DPT"])
    texts = {required: ["075", None], "BEN_RES_DPT": [None, "02A"]}
    found = faults(pl.DataFrame(texts, dict.fromkeys(texts, kind)), schema, table)
    assert found.rows() == [(1, required, "required value is missing")]


def test_what_has_not_the_type_of_its_contract_is_a_mistake_of_the_project():
    table = official_tables()["IR_BEN_R"]
    for column, values in (
        ("BEN_RES_DPT", [75]),
        ("BEN_NAI_ANN", ["1963"]),
        ("BEN_NAI_ANN", pl.Series(["x"]).cast(pl.Enum(["x"]))),
    ):
        with pytest.raises(ContractError, match="does not have the type of its contract"):
            faults(pl.DataFrame({column: values}), snds_schema(table, [column]), table)


@pytest.mark.parametrize("name", sorted(official_tables()))
def test_every_contract_says_what_a_steward_needs_and_names_what_exists(name):
    table = official_tables()[name]
    assert table.title and table.about and table.columns
    assert len(set(table.key)) == len(table.key)
    assert set(table.key) | set(table.link) <= set(table.columns)
    assert table.month is None or table.columns[table.month].type == "date"
    for column in table.columns.values():
        assert column.name == column.name.upper()
        assert column.type in COLUMN_TYPES
        assert column.format is None or column.format in DATE_FORMATS
        assert column.pattern is None or re.compile(column.pattern)
        assert column.minimum is None or column.maximum is None or column.minimum <= column.maximum
        if column.not_before is not None:
            assert table.columns[column.not_before].type == column.type == "date"
        if column.since and column.until:
            assert column.since <= column.until


@pytest.mark.parametrize("name", sorted(name for name, table in official_tables().items() if table.parent))
def test_every_table_that_has_a_parent_is_joined_to_it_by_columns_that_both_have(name):
    table = official_tables()[name]
    parent = official_tables()[table.parent]
    assert table.link
    for column in table.link:
        assert column in table.columns
        assert column in parent.columns
        assert table.columns[column].type == parent.columns[column].type, "or it would never be found"
    assert parent.key, "a parent whose rows have no key has no children"
    assert ("{year}" in table.file, "{_flow}" in table.file) == ("{year}" in parent.file, "{_flow}" in parent.file)


@pytest.mark.parametrize("name", sorted(official_tables()))
def test_no_two_columns_of_a_table_are_delivered_under_one_name(name):
    names = [delivered for column in official_tables()[name].columns.values() for delivered in column.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("year", [1997, 2005, 2013, 2024])
def test_no_two_tables_claim_the_same_file(year):
    tables = official_tables()
    for table in tables.values():
        stem = table.file_name(year).removesuffix(".csv")
        assert [other.name for other in tables.values() if other.file_pattern.fullmatch(stem)] == [table.name]
        told = table.file_pattern.fullmatch(stem).groupdict().get("year")
        assert told in ({None} if "{" not in table.file else {str(year), f"{year % 100:02d}"})


def test_the_tables_of_the_dcir_share_the_nine_keys():
    tables = official_tables()
    assert tables["ER_PRS_F"].key == NINE_KEYS
    details = [table for table in tables.values() if table.parent == "ER_PRS_F"]
    assert {"ER_ETE_F", "ER_PHA_F", "ER_CAM_F"} <= {table.name for table in details}
    for table in details:
        assert table.link == NINE_KEYS
    for table in (tables["ER_PRS_F"], *details):
        assert all(table.columns[key].required for key in NINE_KEYS)
        assert table.cut_by_month


def test_the_nomenclatures_that_columns_name_are_known_by_their_codes():
    codes = known_codes()
    assert codes["IR_SEX_V"] >= {"1", "2"}
    named = {column.nomenclature for table in official_tables().values() for column in table.columns.values()}
    assert set(codes) <= named | set(official_tables()), "a list that no column names is not used"
    assert [unpadded(code) for code in ("01", "000", "2A", "0A")] == ["1", "0", "2A", "A"]


def test_a_specialty_that_says_nothing_is_missing_wherever_one_is_told():
    """0 and 99: they would stand for a professional of their own, and hide one that another row tells."""
    told = [column for table in official_tables().values() for column in table.columns.values()]
    assert {column.missing for column in told if column.nomenclature == "IR_SPE_V"} == {frozenset({"0", "99"})}


def test_the_teaching_layout_changes_its_own_contracts_and_not_the_official_ones():
    official, teaching = layouts()["official"].tables, layouts()["teaching"].tables
    assert next(iter(layouts())) == "official"
    assert teaching["ER_PRS_F"].key == ("ID",)
    assert teaching["IR_BEN_R"].columns["BEN_NIR_PSA"].padding_ignored
    assert not official["IR_BEN_R"].columns["BEN_NIR_PSA"].padding_ignored
    assert not teaching["ER_ETE_F"].delivered
    assert official["ER_ETE_F"].delivered
    assert teaching["T_MCO_B"] is official["T_MCO_B"]


# A project's own contracts


def test_a_project_fixes_the_format_of_a_column_and_how_files_are_written(tmp_path):
    ours = project(
        tmp_path,
        "tables:\n"
        "  IR_BEN_R:\n"
        "    reading: {encoding: cp1252, separator: ',', missing: [X, '?']}\n"
        "    columns:\n"
        "      BEN_DCD_DTE: {format: dd/mm/yyyy}\n"
        "      BEN_SEX_COD: {missing: [9, '0'], aliases: [SEXE]}\n",
    )
    for layout in layouts(ours).values():
        table = layout.tables["IR_BEN_R"]
        assert table.columns["BEN_DCD_DTE"].format == "dd/mm/yyyy"
        assert table.columns["BEN_DCD_DTE"].label == official_tables()["IR_BEN_R"].columns["BEN_DCD_DTE"].label
        assert table.columns["BEN_SEX_COD"].missing == {"9", "0"}
        assert table.columns["BEN_SEX_COD"].names == ("BEN_SEX_COD", "SEXE")
        assert (table.reading.encoding, table.reading.separator, table.reading.missing) == ("cp1252", ",", {"X", "?"})
    assert official_tables()["IR_BEN_R"].columns["BEN_DCD_DTE"].format is None
    assert layouts(ours)["teaching"].tables["IR_BEN_R"].columns["BEN_NIR_PSA"].padding_ignored, "as the layout says"


def test_a_project_adds_a_column_and_takes_one_away(tmp_path):
    ours = project(
        tmp_path,
        "tables: {IR_BEN_R: {columns: {COH_NUM: {type: code, required: yes, label: Cohorte}, BEN_TOP_CNS: null}}}",
    )
    table = layouts(ours)["official"].tables["IR_BEN_R"]
    assert (table.columns["COH_NUM"].required, table.columns["COH_NUM"].label) == (True, "Cohorte")
    assert list(table.columns)[-1] == "COH_NUM"
    assert "BEN_TOP_CNS" not in table.columns
    assert "COH_NUM" in snds_schema(table).columns


def test_a_project_adds_a_table(tmp_path):
    ours = project(
        tmp_path,
        "tables:\n  COHORTE:\n    file: 'COHORTE{_flow}'\n    title: Notre cohorte\n    key: [NUM]\n"
        "    columns: {NUM: {type: pseudonym, required: true}, A: {type: date}, B: {type: date, not_before: A}}\n",
    )
    tables = layouts(ours)["official"].tables
    assert len(tables) == 234
    assert (tables["COHORTE"].key, tables["COHORTE"].may_be_empty) == (("NUM",), False)
    assert tables["COHORTE"].file_name(2019) == "COHORTE_2019.csv"
    assert tables["COHORTE"].asset_key == ["snds", "cohorte"]
    assert "COHORTE" in layouts(ours)["teaching"].tables
    assert "COHORTE" not in official_tables()


def test_a_project_sets_thresholds_of_a_table(tmp_path):
    ours = project(tmp_path, "tables: {T_MCO_B: {thresholds: {rejects: 0.5, drift_volume: 2}}}")
    tables = layouts(ours)["official"].tables
    assert tables["T_MCO_B"].thresholds == {**default_thresholds(), "rejects": 0.5, "drift_volume": 2.0}
    assert tables["T_MCO_C"].thresholds == default_thresholds() == official_tables()["T_MCO_B"].thresholds


def test_the_files_of_a_project_follow_each_other_by_name(tmp_path):
    project(tmp_path, "tables: {IR_BEN_R: {columns: {BEN_DCD_DTE: {format: date9}}, title: A}}", "a.yaml")
    project(tmp_path, "tables: {IR_BEN_R: {columns: {BEN_DCD_DTE: {format: yyyymmdd}}}}", "b.yml")
    table = layouts(tmp_path)["official"].tables["IR_BEN_R"]
    assert (table.columns["BEN_DCD_DTE"].format, table.title) == ("yyyymmdd", "A")


def test_a_project_without_a_contract_has_the_official_ones(tmp_path):
    assert layouts(tmp_path)["official"].tables == official_tables()


def of_ben(words):
    """A contract of a project that says something of IR_BEN_R."""
    return f"tables: {{IR_BEN_R: {{{words}}}}}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (of_ben("columns: {BEN_SEX_COD: {typ: code}}"), "column BEN_SEX_COD has an unknown attribute typ"),
        (of_ben("columns: {BEN_SEX_COD: {type: codes}}"), "column BEN_SEX_COD has an unknown type codes; known: text"),
        (of_ben("columns: {BEN_DCD_DTE: {format: d/m}}"), "column BEN_DCD_DTE has an unknown format d/m; known: yyyy"),
        (of_ben("columns: {BEN_NIR_PSA: null}"), "key column BEN_NIR_PSA of IR_BEN_R is not among its columns"),
        (of_ben("key: [NOT_THERE]"), "key column NOT_THERE of IR_BEN_R is not among its columns"),
        ("tables: {IR_BEN_X: {columns: {A: {type: code}}}}", "there is no contract for a table IR_BEN_X"),
        ("tables: [", "is not a readable YAML file"),
        ("just words", "a contract is a YAML mapping"),
        ("- a list", "a contract is a YAML mapping"),
        ("", "a contract is a YAML mapping"),
    ],
)
def test_a_mistake_in_a_contract_of_a_project_is_said_with_its_file(tmp_path, text, sentence):
    with pytest.raises(ContractError, match=rf"ours\.yaml.*{sentence}"):
        layouts(project(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tables: {NEW: {file: NEW, columns: {A: {type: code}}}}", "NEW.*title"),
        (of_ben("columns: {BEN_NAI_ANN: {minimum: soon}}"), "BEN_NAI_ANN.*minimum"),
        (of_ben("columns: {BEN_SEX_COD: {pattern: '['}}"), "BEN_SEX_COD.*pattern"),
        (of_ben("columns: {BEN_DCD_DTE: {not_before: NOT_THERE}}"), "BEN_DCD_DTE.*NOT_THERE"),
        (of_ben("thresholds: {rejected: 1}"), "IR_BEN_R.*rejected"),
        (of_ben("keys: [BEN_NIR_PSA]"), "IR_BEN_R.*keys"),
        (of_ben("reading: {encoding: ebcdic}"), "IR_BEN_R.*ebcdic"),
    ],
)
def test_a_mistake_that_would_go_unnoticed_is_said(tmp_path, text, sentence):
    with pytest.raises(ContractError, match=rf"ours\.yaml.*{sentence}"):
        layouts(project(tmp_path, text))


@pytest.mark.parametrize(
    ("attributes", "sentence"), [({"typ": "code"}, "unknown attribute typ"), ({"type": "codes"}, "unknown type codes")]
)
def test_a_mistake_in_a_contract_is_said_with_file_and_column(attributes, sentence):
    with pytest.raises(ContractError, match=rf"x\.yaml: column BEN_SEX_COD has an {sentence}"):
        _column("BEN_SEX_COD", attributes, "x.yaml")


# Geography


def test_geography():
    departments = {row["department"]: row for row in read(DEPARTMENTS)}
    assert len(departments) == 104
    assert departments["75"]["region"] == "11"
    assert departments["2A"]["region"] == "94"
    assert departments["978"]["region"] == ""
    corsica = read(CORSICA)
    assert len(corsica) == len({row["commune"] for row in corsica}) == 360
