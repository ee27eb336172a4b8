"""What a data steward sees: the real webserver in a real browser."""

import os
from urllib.parse import urlsplit

import dagster as dg
import pytest
from playwright.sync_api import expect

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.run import run
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, PROJECT, Settings
from snds_omop_assets_tests.browser import browser_page, chromium, webserver

pytestmark = [pytest.mark.ui, pytest.mark.spark]

WHY_NOT = "Chromium is not installed (Debian: apt install chromium), so the UI cannot be looked at"


@pytest.fixture(scope="module")
def ui(tmp_path_factory):
    """The address of a UI that has seen one run of the demonstration."""
    if chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(WHY_NOT)
        pytest.skip(WHY_NOT)
    home, warehouse = tmp_path_factory.mktemp("dagster_home"), tmp_path_factory.mktemp("warehouse")
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        settings = Settings(delivery=DEMONSTRATION_DELIVERY, warehouse=warehouse, small_cell=1)
        assert run(settings).success
        judge_again(settings, "omop/location")
    with webserver(home, warehouse) as address:
        yield address


def judge_again(settings, asset):
    """Run the checks of an asset once more."""
    definitions = build_defs(settings)
    job = dg.define_asset_job("again", dg.AssetSelection.checks_for_assets(dg.AssetKey(asset.split("/"))))
    resolved = job.resolve(asset_graph=definitions.resolve_asset_graph())
    with dg.DagsterInstance.get() as instance:
        assert resolved.execute_in_process(resources=definitions.resources, instance=instance).success


@pytest.fixture
def page(ui):
    with browser_page() as page:
        page.set_default_timeout(60_000)
        yield page


def sees(page, *texts):
    """The page comes to show each text; white space does not count."""
    for text in texts:
        expect(page.locator("body")).to_contain_text(text, use_inner_text=True, timeout=60_000)


def test_the_first_page_opens_without_a_pop_up_and_calls_nobody_else(ui, page):
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(ui)
    page.get_by_text("Lineage").first.wait_for()
    page.wait_for_timeout(3000)
    assert page.get_by_text("Join the Dagster community").count() == 0
    assert page.locator("[role=dialog]:visible").count() == 0
    assert hosts - {None} == {"127.0.0.1"}, "data: addresses have no host"


def test_the_lineage_goes_from_the_files_to_the_cdm(ui, page):
    page.goto(f"{ui}/asset-groups")
    for group in ("snds", "nomenclatures", "prepared", "vocabulary", "omop", "quality", "reception"):
        page.locator("svg").get_by_text(group, exact=True).first.wait_for()


@pytest.mark.parametrize(
    ("table", "depth", "sources"),
    [
        ("person", 2, ["ir_ben_r", "beneficiaries", "location", "source_to_concept_map"]),
        ("care_site", 2, ["t_mco_e", "establishments", "location"]),
        ("provider", 1, ["ir_spe_v", "ir_act_v", "establishments"]),
        ("visit_occurrence", 1, ["claims", "person_identities", "code_map"]),
    ],
)
def test_the_lineage_of_a_table_shows_its_sources_and_its_checks(ui, page, table, depth, sources):
    """On a tall screen and no farther than the sources: small tables are drawn without their checks."""
    page.set_viewport_size({"width": 1800, "height": 1700})
    page.goto(f"{ui}/assets/omop/{table}?view=lineage&lineageScope=upstream&lineageDepth={depth}")
    for name in [table, *sources]:
        page.locator("svg").get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("6 / 6 Passed").first.wait_for()


def test_the_lineage_of_an_era_shows_the_exposures_and_the_vocabulary(ui, page):
    page.set_viewport_size({"width": 1800, "height": 1700})
    page.goto(f"{ui}/assets/omop/drug_era?view=lineage&lineageScope=upstream&lineageDepth=1")
    for name in ("drug_era", "drug_exposure", "concept_ancestor", "person_identities"):
        page.locator("svg").get_by_text(name, exact=True).first.wait_for()


def test_the_lineage_of_the_professionals_reaches_the_claims_that_mention_them(ui, page):
    page.set_viewport_size({"width": 1800, "height": 1700})
    page.goto(f"{ui}/assets/omop/provider?view=lineage&lineageScope=upstream&lineageDepth=3")
    for name in ("provider", "establishments", "claims", "er_prs_f"):
        page.locator("svg").get_by_text(name, exact=True).first.wait_for()


def test_the_page_of_person_tells_columns_rules_rows_and_check_results(ui, page):
    page.goto(f"{ui}/assets/omop/person")
    sees(page, "person_id", "gender_concept_id", "year_of_birth", "location_id", "gender_source_value")
    sees(page, "1 → 8507, 2 → 8532", "points to location.location_id", "snds-data-engineering")
    sees(page, "Row count 21", "Latest check results 1 5")
    assert "DPXX" not in page.locator("body").inner_text()


def test_the_checks_of_person_are_named_and_all_that_block_have_passed(ui, page):
    page.goto(f"{ui}/assets/omop/person?view=checks")
    for check in ("concepts", "keys", "required_fields", "structure"):
        sees(page, f"{check} Succeeded")
    sees(page, "completeness Failed", "plausibility Succeeded", "person.gender_concept_id (2 of 21, 9.524 %)")
    page.get_by_text("structure", exact=True).first.click()
    sees(page, "This is a blocking asset check")


def test_a_check_that_was_run_twice_has_a_picture_of_both(ui, page):
    page.goto(f"{ui}/assets/omop/location?view=checks")
    page.get_by_text("keys", exact=True).first.click()
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_alt_text("violated rows over 2 runs")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300, "the picture is drawn, not only announced"


def test_the_steward_sees_what_reception_changed(ui, page):
    page.goto(f"{ui}/assets/snds/er_prs_f?view=events")
    sees(page, "what was changed", "before EXE_SOI_DTD", "the text stands for no value")
    assert "DPXX" not in page.locator("body").inner_text()


def test_a_year_of_a_table_is_seen_alone(ui, page):
    page.goto(f"{ui}/assets/snds/er_prs_f?view=partitions")
    sees(page, "2013", "Materialized")


def test_the_steward_sees_the_years_of_care_and_where_they_lie(ui, page):
    page.goto(f"{ui}/assets/omop/visit_occurrence?view=partitions")
    sees(page, "2013", "Materialized")
    page.goto(f"{ui}/assets/omop/visit_occurrence?view=events")
    sees(page, "converted", "visit_occurrence.parquet")
    page.goto(f"{ui}/assets/prepared/claims?view=events")
    sees(page, "rows that end here", "information_line")


def test_the_steward_sees_how_identifiers_were_linked_and_no_identifier(ui, page):
    page.goto(f"{ui}/assets/prepared/person_identities?view=events")
    sees(page, "identifiers by reason", "fictitious_identifier", "rows of IR_BEN_R: person")
    assert "DPXX" not in page.locator("body").inner_text()


def test_the_steward_sees_how_many_sites_have_no_place(ui, page):
    page.goto(f"{ui}/assets/prepared/establishments?view=events")
    sees(page, "without department", "without a FINESS of nine characters", "rows of T_MCO_E: reference")


def test_the_steward_reads_in_the_ledger_what_became_of_every_row(ui, page):
    page.goto(f"{ui}/assets/quality/ledger?view=events")
    sees(page, "rows loaded", "rows netted", "rows waiting", "by rule")
    page.goto(f"{ui}/assets/quality/ledger?view=checks")
    sees(page, "every_row_has_its_rule Succeeded", "This is a blocking asset check")


def test_the_steward_reads_the_verdict_and_the_checks_of_reception(ui, page):
    page.goto(f"{ui}/assets/reception/delivery_report?view=events")
    sees(page, "usable with reserves", "rows of the files", "delivery_report.html")
    page.goto(f"{ui}/assets/snds/er_prs_f?view=checks")
    sees(page, "key_is_unique Succeeded", "rows_are_accounted Succeeded", "flow_months")
    assert "DPXX" not in page.locator("body").inner_text()


def test_the_steward_sees_the_pyramid_and_the_map_of_specialties(ui, page):
    page.goto(f"{ui}/assets/omop/person?view=events")
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_alt_text("Persons by decade of birth and sex")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300, "the picture is drawn, not only announced"
    page.goto(f"{ui}/assets/omop/provider?view=events")
    sees(page, "SPE:86", "MASSEUR - KINESITHERAPEUTE", "38004490")


def test_the_steward_sees_how_much_of_the_base_has_a_concept(ui, page):
    page.goto(f"{ui}/assets/vocabulary/coverage?view=events")
    sees(page, "33.3", "of 45 rows that hold a code have a standard concept", "codes for Usagi", "coverage over runs")


def test_the_steward_sees_which_vocabularies_are_loaded(ui, page):
    page.goto(f"{ui}/assets/vocabulary/concept")
    sees(page, "concept_id", "Identifies the concept in all vocabularies", "Row count 123")
