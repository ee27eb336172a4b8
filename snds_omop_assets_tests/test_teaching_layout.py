"""The reduced layout used in teaching: dirty files in any folder, comma or semicolon, lower- or upper-case headers."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.ids import omop_id
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import run
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests.conftest import KEY, csv_rows, only

pytestmark = pytest.mark.spark

PEOPLE = 20


def pseudonym(number: int, length: int) -> str:
    return f"DPXX:{number:0{length}d}X"


IR_BEN_R = [
    ["NUM_ENQ", "ben_sex_cod", "ben_nai_ann", "ben_nai_moi", "ben_res_dpt", "ben_res_reg"],
    [pseudonym(1, 19), "2", "1963", "12", "75", "114"],
    [pseudonym(2, 19), "1.0", "1950.0", "3.0", "75.0", "114.0"],
    [pseudonym(3, 19), "0", "1985", "00", "69", "383"],
    [pseudonym(4, 19), "2", "1971", "15", "13", "208"],  # month 15
    *([pseudonym(n, 19), str(n % 2 + 1), str(1930 + n), "7", "59", "350"] for n in range(5, PEOPLE + 1)),
]

ER_PRS_F = [
    ["id", "NUM_ENQ", "prs_nat_ref", "exe_soi_dtd", "exe_soi_dtf", "pse_spe_cod", "pse_act_nat", "etb_pre_fin"],
    ["1", pseudonym(1, 4), "1111", "2013-03-04", "2013-03-04", "1", "0", ""],
    ["2", pseudonym(1, 4), "1351.0", "2013-03-05", "2013-03-05", "6.0", "", "75010016"],
    ["3", pseudonym(2, 4), "3125", "2013-07", "2013-07-12", "0", "26.0", "750300360.0"],  # a month for a date
    ["4", pseudonym(3, 4), "1111", "2013-05-06", "2013-05-02", "01", "", ""],  # an end before its start
    ["5", pseudonym(4, 4), "1111", "2013-05-06", "", "77", "", ""],
    *([str(n), pseudonym(n, 4), "1111", "2013-06-01", "2013-06-01", "1", "0", ""] for n in range(6, PEOPLE + 1)),
]

T_MCOAAE = [
    ["eta_num", "soc_rai"],
    ["75010016", " Hôpital Privé des Peupliers"],
    ["750023772.0", "Pharmacie Plaisance"],
]

IR_ACT_V = [["pfs_act_nat", "label"], ["26", "MASSEUR - KINESITHERAPEUTE"], ["50.0", "PHARMACIE D OFFICINE"]]

IR_SPE_V = [["pfs_spe_cod", "label"], ["1", "MEDECINE GENERALE"], ["6", " RADIODIAGNOSTIC ET IMAGERIE MEDICALE"]]

FILES = {"ir_ben_r": IR_BEN_R, "er_prs_f": ER_PRS_F, "t_mcoaae": T_MCOAAE, "ir_act_v": IR_ACT_V, "ir_spe_v": IR_SPE_V}


LACKING = {
    (f"omop/{table}", "completeness")
    for table in ("condition_occurrence", "procedure_occurrence", "drug_exposure", "measurement", "observation",
                  "observation_period", "condition_era", "drug_era")
}  # fmt: skip
"""What the layout cannot give, as the checks of completeness say it: details, and care of all of its beneficiaries."""


def deliver(folder: Path, separator: str, upper: bool) -> None:
    folder.mkdir(parents=True)
    for name, (header, *rows) in FILES.items():
        with (folder / f"{name.upper() if upper else name}.csv").open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, delimiter=separator)
            lines.writerow([column.upper() if upper else column for column in header])
            lines.writerows(rows)


@pytest.fixture(scope="module", params=[(",", False), (";", True)], ids=["comma-lower", "semicolon-upper"])
def warehouse(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teaching")
    deliver(folder / "any folder" / "of any name", *request.param)
    settings = Settings(delivery=folder / "any folder", warehouse=folder / "warehouse", id_key=KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        summary = run(settings)
    assert summary.success, summary.failures
    assert {asset.year for asset in summary.assets} == {None}, "a delivery without years has no partitions"
    # Code 0 stands for "not given": PSE_SPE_COD has one, PSE_ACT_NAT the sixteen of the ordinary rows.
    er_prs_f = next(asset for asset in summary.assets if asset.name == "snds/er_prs_f")
    assert er_prs_f.counts["values that stand for none"] == 1 + 1 + 15
    assert er_prs_f.counts["values set to NULL"] == 2
    # Two codes, 26 and 50, are in IR_ACT_V, and 77 in no list.
    assert {(check.asset, check.check) for check in summary.checks if not check.passed} == LACKING
    return settings.warehouse


def pseudonyms(warehouse, table):
    batches = Store(warehouse).table(official_tables()[table]).batches(["BEN_NIR_PSA"])
    return {value for batch in batches for value in batch["BEN_NIR_PSA"].to_pylist()}


def quarantine(warehouse, table):
    return [
        (row["line"], row["column"], row["action"], row["reason"])
        for row in csv_rows(Store(warehouse).place(official_tables()[table], None).quarantine)
    ]


def test_twenty_beneficiaries_are_twenty_persons_with_good_birth_years(warehouse):
    person = csv_rows(warehouse / "omop" / "person.csv")
    assert len(person) == len({row["person_id"] for row in person}) == PEOPLE
    assert {row["person_source_value"]: int(row["year_of_birth"]) for row in person} == {
        row[0]: int(float(row[2])) for row in IR_BEN_R[1:]
    }


def test_camille_is_who_ir_ben_r_says(warehouse):
    camille = only(csv_rows(warehouse / "omop" / "person.csv"), person_source_value=pseudonym(1, 19))
    assert camille["person_id"] == str(omop_id(KEY, "person", "DPXX:1X"))
    assert (camille["gender_concept_id"], camille["month_of_birth"]) == ("8532", "12")
    place = only(pq.read_table(warehouse / "omop" / "location.parquet").to_pylist(), zip="75114")
    assert camille["location_id"] == str(place["location_id"])


def test_codes_delivered_as_numbers_are_read_and_kept_as_delivered(warehouse):
    second = only(csv_rows(warehouse / "omop" / "person.csv"), person_source_value=pseudonym(2, 19))
    assert (second["gender_concept_id"], second["gender_source_value"]) == ("8507", "1.0")
    assert (second["year_of_birth"], second["month_of_birth"]) == ("1950", "3")


def test_no_service_is_an_orphan_once_the_pseudonyms_are_aligned(warehouse):
    """The pseudonyms are padded to 19 digits in one table and to 4 in the other."""
    services, persons = (pseudonyms(warehouse, table) for table in ("ER_PRS_F", "IR_BEN_R"))
    assert services < persons


def test_each_value_set_to_null_is_reported(warehouse):
    assert quarantine(warehouse, "IR_BEN_R") == [("5", "BEN_NAI_MOI", "value set to NULL", "more than 12")]
    assert quarantine(warehouse, "ER_PRS_F") == [
        ("4", "EXE_SOI_DTD", "value set to NULL", "does not parse as date"),
        ("5", "EXE_SOI_DTF", "value set to NULL", "before EXE_SOI_DTD"),
    ]


def test_establishments_are_found_under_their_delivered_numbers(warehouse):
    import sqlite3

    with sqlite3.connect(warehouse / "omop" / "care_site.sqlite") as connection:
        rows = dict(connection.execute("SELECT care_site_source_value, care_site_name FROM care_site").fetchall())
        places = {place for (place,) in connection.execute("SELECT location_id FROM care_site").fetchall()}
    assert rows == {"75010016": "Hôpital Privé des Peupliers", "750023772.0": "Pharmacie Plaisance"}
    assert places == {omop_id(KEY, "location", "75")}


def test_providers_come_from_the_labels_and_the_codes_met(warehouse):
    provider = {
        row["provider_source_value"]: row for row in pq.read_table(warehouse / "omop" / "provider.parquet").to_pylist()
    }
    assert provider.keys() == {"SPE:1", "SPE:6", "SPE:77", "ACT:26", "ACT:50"}
    assert provider["SPE:6"]["provider_name"] == "RADIODIAGNOSTIC ET IMAGERIE MEDICALE"
    assert (provider["ACT:50"]["specialty_concept_id"], provider["ACT:50"]["specialty_source_value"]) == (
        38003810,
        "50.0",
    )
    assert provider["SPE:77"]["provider_name"] is None


def test_tables_that_the_layout_does_not_have_are_not_stored_and_nothing_needs_them(warehouse):
    assert sorted(path.name for path in (warehouse / "snds").iterdir()) == ["er_prs_f", "ir_ben_r", "t_mco_e"]
