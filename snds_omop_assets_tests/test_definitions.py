"""The project as Dagster sees it: which assets there are, and that stewards find each of them described."""

import dagster as dg
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.definitions import build_defs
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.field_rules import RULES, field_rules

ASSETS = [
    *("nomenclatures/ir_act_v", "nomenclatures/ir_pha_r", "nomenclatures/ir_spe_v"),
    *("omop/care_site", "omop/cdm_source", "omop/condition_era", "omop/condition_occurrence", "omop/cost"),
    *("omop/death", "omop/device_exposure", "omop/dose_era", "omop/drug_era", "omop/drug_exposure"),
    *("omop/fact_relationship", "omop/location", "omop/measurement", "omop/metadata", "omop/observation"),
    *("omop/observation_period", "omop/payer_plan_period", "omop/person", "omop/procedure_occurrence"),
    *("omop/provider", "omop/specimen", "omop/visit_detail", "omop/visit_occurrence"),
    *("prepared/beneficiaries", "prepared/claims", "prepared/establishments", "prepared/person_identities"),
    *("quality/achilles_results", "quality/ledger"),
    "reception/delivery_report",
    *("snds/er_cam_f", "snds/er_ete_f", "snds/er_pha_f", "snds/er_prs_f", "snds/ir_ben_r", "snds/t_mco_e"),
    *("vocabulary/code_map", "vocabulary/concept", "vocabulary/concept_ancestor", "vocabulary/concept_class"),
    *("vocabulary/concept_relationship", "vocabulary/concept_synonym", "vocabulary/coverage", "vocabulary/domain"),
    *("vocabulary/drug_strength", "vocabulary/local_concept", "vocabulary/rejected_targets", "vocabulary/relationship"),
    *("vocabulary/source_codes", "vocabulary/source_to_concept_map", "vocabulary/vocabulary"),
]

QUALITY = ["completeness", "plausibility"]
CONFORMANCE = ["concepts", "keys", "required_fields", "structure"]


@pytest.fixture(scope="module")
def defs():
    return build_defs()


def specs(defs):
    return sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key)


def checks(defs):
    graph = defs.resolve_asset_graph()
    return {key: graph.get_check_spec(key) for key in graph.asset_check_keys}


def test_the_definitions_load_and_resolve(defs):
    dg.Definitions.validate_loadable(defs)


def test_the_package_offers_its_definitions_when_asked():
    import snds_omop_assets

    assert isinstance(snds_omop_assets.defs, dg.Definitions)


def test_the_assets_are_these(defs):
    assert [spec.key.to_user_string() for spec in specs(defs)] == ASSETS


def test_every_asset_says_what_it_is_to_a_steward(defs):
    for spec in specs(defs):
        name = spec.key.to_user_string()
        assert spec.description, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name == spec.key.path[0], name
        columns = spec.metadata["dagster/column_schema"].columns
        assert columns, name
        assert all(column.description for column in columns), name


def test_every_omop_table_has_four_checks_of_conformance_which_block_and_two_of_quality_which_warn(defs):
    found = checks(defs)
    tables = [spec.key.path[-1] for spec in specs(defs) if spec.group_name == "omop"]
    assert len(tables) == 23
    for table in tables:
        own = {k.name: spec for k, spec in found.items() if k.asset_key == dg.AssetKey(["omop", table])}
        assert sorted(own) == sorted([*CONFORMANCE, *QUALITY])
        assert all(spec.description and spec.blocking == (name in CONFORMANCE) for name, spec in own.items())


def test_the_small_tables_of_the_vocabulary_conform_too(defs):
    found = checks(defs)
    for table in ("concept", "vocabulary", "domain", "concept_class", "relationship", "source_to_concept_map"):
        own = {key.name for key in found if key.asset_key == dg.AssetKey(["vocabulary", table])}
        assert own >= set(CONFORMANCE)


def test_every_received_table_is_checked(defs):
    checked = {key.asset_key for key in checks(defs)}
    assert {spec.key for spec in specs(defs) if spec.group_name in ("snds", "nomenclatures")} <= checked


def test_the_tables_that_come_by_year_have_yearly_partitions_and_the_others_none(defs):
    cut = {spec.key.to_user_string() for spec in specs(defs) if spec.partitions_def is not None}
    by_care = {f"omop/{table}" for table in CARE_YEAR_TABLES}
    received = {"snds/er_cam_f", "snds/er_ete_f", "snds/er_pha_f", "snds/er_prs_f", "snds/t_mco_e"}
    assert cut == {*received, *by_care, "prepared/claims"}


def test_the_ledger_blocks(defs):
    found = checks(defs)[dg.AssetCheckKey(dg.AssetKey(["quality", "ledger"]), "every_row_has_its_rule")]
    assert found.blocking


def test_a_range_of_years_may_run_in_one_run_of_any_assets(defs):
    graph = defs.resolve_asset_graph()
    for spec in specs(defs):
        assert graph.get(spec.key).backfill_policy == dg.BackfillPolicy.single_run(), spec.key


def test_the_assets_are_the_tables_that_were_delivered_and_those_that_are_needed(settings):
    """A delivery of hospital stays only: the tables that the targets need are there, and say that they are missing."""
    for file in ("T_MCO19B.csv", "pmsi/T_MCO19C.csv.gz", "IR_IMB_R.parquet"):
        path = settings.delivery / file
        path.parent.mkdir(exist_ok=True)
        path.touch()
    keys = {spec.key.to_user_string() for spec in specs(build_defs(settings))}
    assert {key for key in keys if key.startswith(("snds/", "nomenclatures/"))} == {
        "snds/t_mco_b", "snds/t_mco_c", "snds/ir_imb_r",
        "snds/ir_ben_r", "snds/er_prs_f", "snds/t_mco_e", "nomenclatures/ir_spe_v", "nomenclatures/ir_act_v",
    }  # fmt: skip


def test_the_definitions_load_without_a_delivery(settings):
    settings.delivery.rmdir()
    dg.Definitions.validate_loadable(build_defs(settings))


@pytest.mark.parametrize("table", sorted(path.stem for path in RULES.glob("*.csv")))
def test_every_field_of_a_table_has_its_rule_and_the_rule_names_columns_that_exist(table):
    rules = field_rules(table)
    assert list(rules) == cdm_tables()[table].schema.names
    snds = official_tables()
    for field, rule in rules.items():
        assert rule.rule.endswith("."), field
        for source in rule.sources:
            name, column = source.split(".")
            assert column in snds[name].columns, source


def test_column_lineage_points_to_assets_that_exist(defs):
    known = {spec.key for spec in specs(defs)}
    for spec in specs(defs):
        if lineage := spec.metadata.get("dagster/column_lineage"):
            assert {dep.asset_key for deps in lineage.deps_by_column.values() for dep in deps} <= known
