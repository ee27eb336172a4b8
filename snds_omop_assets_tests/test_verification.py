"""Verifying received tables: one passing and one failing case for each check."""

import gzip
import math
from unittest import mock

import pytest

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.reception import once
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.drift import by_chance, drift, population_stability_index
from snds_omop_assets.reception.findings import Status, verdict
from snds_omop_assets.reception.receipt import FileReceipt, Receipt
from snds_omop_assets.reception.receive import receive
from snds_omop_assets.reception.store import Store
from snds_omop_assets.reception.verification import BLOCKING, CHECKS, checks_of, verify_patients, verify_table
from snds_omop_assets.reception.verification import rows as by_rows

USABLE, RESERVES, UNUSABLE = Status.USABLE, Status.RESERVES, Status.UNUSABLE
TABLES = official_tables()

KEY = {
    "FLX_DIS_DTD": "2019-02-01", "FLX_TRT_DTD": "2019-01-20", "FLX_EMT_TYP": "1", "FLX_EMT_NUM": "1",
    "FLX_EMT_ORD": "1", "ORG_CLE_NUM": "01C751111", "DCT_ORD_NUM": "1", "PRS_ORD_NUM": "1", "REM_TYP_AFF": "0",
}  # fmt: skip
YEAR = [f"2019-{month:02d}-01" for month in range(1, 13)]


class Deliveries:
    """Writes tables as CSV files, receives them and verifies them."""

    def __init__(self, folder):
        self.folder, self.store = folder / "delivery", Store(folder / "warehouse")
        self.folder.mkdir()

    def text(self, stem, text, table, year=None):
        """Receive a file as it is written."""
        (self.folder / f"{stem}.csv").write_text(text, encoding="utf-8")
        return self.receive(table, year)

    def rows(self, stem, rows, table, year=None):
        """Receive rows given as mappings of the same columns."""
        lines = [";".join(rows[0]), *(";".join(map(str, row.values())) for row in rows)]
        return self.text(stem, "\n".join(lines) + "\n", table, year)

    def receive(self, table, year=None):
        receive(open_delivery(self.folder), table, year, self.store)
        return self

    def prs(self, rows, year=2019):
        """ER_PRS_F: rows say what differs from one service; each has its own key."""
        named = {name: None for row in rows for name in row}
        complete = [
            {**KEY, "PRS_ORD_NUM": n, "BEN_NIR_PSA": f"P{n % 50:016d}", **dict.fromkeys(named, ""), **row}
            for n, row in enumerate(rows)
        ]
        return self.rows(f"ER_PRS_F_{year}", complete, "ER_PRS_F", year)

    def found(self, check, table, years=None):
        """The one finding of a check."""
        (finding,) = verify_table(self.store, TABLES, table, years, [check])
        assert finding.check == check
        assert finding.sentence.endswith(".")
        return finding

    def status(self, check, table, years=None):
        return self.found(check, table, years).status


@pytest.fixture
def deliveries(tmp_path):
    return Deliveries(tmp_path)


def stays(number, **columns):
    """Rows of T_MCO_B or T_MCO_C: one stay each."""
    return [{"ETA_NUM": "750712184", "RSA_NUM": f"{n:010d}", **columns} for n in range(number)]


def beneficiaries(number, **columns):
    return [{"BEN_NIR_PSA": f"P{n:016d}", "BEN_RNG_GEM": "1", "BEN_NAI_ANN": 1960, **columns} for n in range(number)]


def at_months(months, **columns):
    return [{"FLX_DIS_DTD": month, **columns} for month in months]


# --- what there is to check --------------------------------------------------------------------------------------


def test_every_check_has_a_sentence_and_every_table_has_checks():
    assert all(sentence.endswith(".") for sentence in CHECKS.values())
    assert CHECKS.keys() >= BLOCKING
    used = {check for table in TABLES.values() for check in checks_of(table)}
    assert used == CHECKS.keys() - {"patients"}


def test_checks_apply_by_contract():
    assert {"flow_months", "delays", "negative_lines", "key_is_unique"} <= set(checks_of(TABLES["ER_PRS_F"]))
    assert "parents_exist" not in checks_of(TABLES["ER_PRS_F"])
    assert {"parents_exist", "one_to_one", "care_year", "return_codes"} <= set(checks_of(TABLES["T_MCO_C"]))
    assert "care_year" not in checks_of(TABLES["T_SSR_C"]), "stays run over years"
    assert "certified_nir" in checks_of(TABLES["IR_BEN_R"])


def test_a_table_that_is_not_stored_has_no_finding(deliveries):
    assert verify_table(deliveries.store, TABLES, "ER_PRS_F") == []
    assert verify_patients(deliveries.store, TABLES) == []


def test_each_year_is_verified_by_itself_and_years_can_be_chosen(deliveries):
    deliveries.prs(at_months(YEAR)).prs([{"FLX_DIS_DTD": "2020-01-01"}], year=2020)
    every = verify_table(deliveries.store, TABLES, "ER_PRS_F", checks=["has_rows"])
    assert [(finding.year, finding.figures["rows"]) for finding in every] == [(2019, 12), (2020, 1)]
    assert [f.year for f in verify_table(deliveries.store, TABLES, "ER_PRS_F", [2020], ["has_rows"])] == [2020]


def test_a_small_good_table_is_usable_with_at_most_reserves(deliveries):
    deliveries.prs(at_months(YEAR, EXE_SOI_DTD="2019-01-01", PRS_ACT_QTE=1))
    found = verify_table(deliveries.store, TABLES, "ER_PRS_F")
    assert [finding.check for finding in found] == checks_of(TABLES["ER_PRS_F"])
    assert verdict(found) == USABLE, [finding for finding in found if finding.status]


def test_no_finding_tells_a_value_of_a_person(deliveries):
    rows = [{"BEN_NIR_PSA": "SECRETSECRETSECRE", "BEN_RNG_GEM": "1", "BEN_NAI_ANN": "1961", "BEN_SEX_COD": "1",
             "BEN_RES_COM": "987", "BEN_NAI_MOI": "77"}] * 3  # fmt: skip
    deliveries.rows("IR_BEN_R", [*rows, {**rows[0], "BEN_SEX_COD": "SECRETSECRETSECRE"}], "IR_BEN_R")
    deliveries.prs([{"BEN_NIR_PSA": "SECRETSECRETSECRE", "BEN_RES_COM": "987"}] * 3)
    found = verify_table(deliveries.store, TABLES, "IR_BEN_R") + verify_table(deliveries.store, TABLES, "ER_PRS_F")
    told = " ".join(map(str, found + verify_patients(deliveries.store, TABLES)))
    assert not [secret for secret in ("SECRET", "987", "1961") if secret in told]


# --- rows and keys -----------------------------------------------------------------------------------------------


def test_has_rows_passes_with_rows_and_with_an_empty_table_that_may_be_empty(deliveries):
    deliveries.prs(at_months(YEAR)).text("ER_PHA_F_2019", ";".join([*KEY, "PHA_PRS_C13"]) + "\n", "ER_PHA_F", 2019)
    assert deliveries.status("has_rows", "ER_PRS_F") == USABLE
    assert verdict(verify_table(deliveries.store, TABLES, "ER_PHA_F")) == USABLE


def test_has_rows_has_reserves_where_every_row_was_set_aside(deliveries):
    deliveries.rows("IR_BEN_R", [{"BEN_NIR_PSA": "", "BEN_NAI_ANN": "1960"}], "IR_BEN_R")
    assert deliveries.status("has_rows", "IR_BEN_R") == RESERVES


def test_rows_are_accounted_with_rows_set_aside_for_two_reasons_and_duplicates(deliveries):
    good = {**KEY, "BEN_NIR_PSA": "P1"}
    bad = {**good, "FLX_DIS_DTD": "never", "FLX_TRT_DTD": "never"}
    deliveries.rows("ER_PRS_F_2019", [good, good, bad], "ER_PRS_F", 2019)
    finding = deliveries.found("rows_are_accounted", "ER_PRS_F")
    assert finding.status == USABLE
    assert (finding.figures["rows of the files"], finding.figures["rows stored"]) == (3, 1)
    assert (finding.figures["rows set aside"], finding.figures["duplicates"]) == (1, 1)


@pytest.mark.parametrize("spoil", ["parts", "quarantine", "manifest"])
def test_rows_that_are_not_accounted_for_make_a_table_unusable(deliveries, spoil):
    deliveries.rows("IR_BEN_R", [*beneficiaries(3), {"BEN_NIR_PSA": "", "BEN_RNG_GEM": 1, "BEN_NAI_ANN": 1960}],
                    "IR_BEN_R")  # fmt: skip
    assert deliveries.status("rows_are_accounted", "IR_BEN_R") == USABLE
    place = deliveries.store.place(TABLES["IR_BEN_R"], None)
    if spoil == "parts":
        place.parts[0].unlink()
    elif spoil == "quarantine":
        place.quarantine.write_text(place.quarantine.read_text().splitlines()[0] + "\n")
    else:
        receipt = place.receipt
        receipt.files[0].rows += 1
        (place.folder / "manifest.json").write_text(receipt.to_json())
    assert deliveries.status("rows_are_accounted", "IR_BEN_R") == UNUSABLE


def test_key_is_unique_where_each_row_has_its_own(deliveries):
    assert deliveries.prs(at_months(YEAR)).status("key_is_unique", "ER_PRS_F") == USABLE


def test_a_repeated_key_makes_a_table_unusable(deliveries):
    deliveries.prs([{"PRS_ORD_NUM": 1, "PRS_ACT_QTE": 1}, {"PRS_ORD_NUM": 1, "PRS_ACT_QTE": 2}])
    finding = deliveries.found("key_is_unique", "ER_PRS_F")
    assert finding.status == UNUSABLE
    assert finding.figures["rows that repeat a key"] == 1


def test_a_repeated_key_of_beneficiaries_is_an_older_state(deliveries):
    deliveries.rows("IR_BEN_R", beneficiaries(2) + beneficiaries(1, BEN_NAI_ANN=1961), "IR_BEN_R")
    assert deliveries.status("key_is_unique", "IR_BEN_R") == RESERVES


def test_a_key_that_repeats_because_one_of_its_columns_was_not_delivered_has_reserves(deliveries):
    rows = [{"ETA_NUM": "750712184", "SOC_RAI": name} for name in ("one", "two")]
    finding = deliveries.rows("T_MCO19E", rows, "T_MCO_E", 2019).found("key_is_unique", "T_MCO_E")
    assert finding.status == RESERVES
    assert "ANN_TRT was not delivered" in finding.sentence


# --- parents -----------------------------------------------------------------------------------------------------


def pha(rows):
    return [{**KEY, "PRS_ORD_NUM": 0, **row, "PHA_PRS_C13": "3400930000000"} for row in rows]


def test_parents_exist_in_the_same_month(deliveries):
    deliveries.prs([{"PRS_ORD_NUM": 0, "FLX_DIS_DTD": month} for month in YEAR])
    deliveries.rows("ER_PHA_F_2019", pha(at_months(YEAR[2:5])), "ER_PHA_F", 2019)
    finding = deliveries.found("parents_exist", "ER_PHA_F")
    assert (finding.status, finding.figures["rows without a row in ER_PRS_F"]) == (USABLE, 0)


def test_rows_whose_month_the_parent_lacks_make_a_table_unusable(deliveries):
    deliveries.prs([{"PRS_ORD_NUM": 0, "FLX_DIS_DTD": month} for month in YEAR[:4]])
    deliveries.rows("ER_PHA_F_2019", pha(at_months(YEAR[2:5])), "ER_PHA_F", 2019)
    finding = deliveries.found("parents_exist", "ER_PHA_F")
    assert (finding.status, finding.figures["rows without a row in ER_PRS_F"]) == (UNUSABLE, 1)


def test_a_few_rows_without_a_parent_have_reserves(deliveries):
    deliveries.prs([{"PRS_ORD_NUM": n} for n in range(199)])
    deliveries.rows("ER_PHA_F_2019", pha([{"PRS_ORD_NUM": n} for n in range(200)]), "ER_PHA_F", 2019)
    finding = deliveries.found("parents_exist", "ER_PHA_F")
    assert (finding.status, finding.figures["share"]) == (RESERVES, 0.005)


def test_a_parent_that_is_not_stored_for_the_year_has_reserves(deliveries):
    deliveries.prs([{"FLX_DIS_DTD": "2018-02-01"}], year=2018)
    deliveries.rows("ER_PHA_F_2019", pha([{}]), "ER_PHA_F", 2019)
    finding = deliveries.found("parents_exist", "ER_PHA_F")
    assert finding.status == RESERVES
    assert "ER_PRS_F of 2019 is not stored" in finding.sentence


def test_details_of_a_parent_are_looked_at_together_and_each_has_its_own_rows_without_a_parent(deliveries):
    deliveries.prs([{"PRS_ORD_NUM": n, "FLX_DIS_DTD": month} for month in YEAR[:2] for n in range(200)])
    deliveries.rows("ER_PHA_F_2019", pha([{"PRS_ORD_NUM": n} for n in range(198, 203)]), "ER_PHA_F", 2019)
    acts = [
        {**KEY, "FLX_DIS_DTD": month, "PRS_ORD_NUM": n, "CAM_PRS_IDE": "DEQP003"} for n, month in enumerate(YEAR[1:3])
    ]
    deliveries.rows("ER_CAM_F_2019", acts, "ER_CAM_F", 2019)
    found = [deliveries.found("parents_exist", name) for name in ("ER_CAM_F", "ER_PHA_F")]
    assert [(f.figures["rows"], f.figures["rows without a row in ER_PRS_F"]) for f in found] == [(2, 1), (5, 3)]
    with mock.patch.object(once, "one_row") as asked, mock.patch.object(by_rows, "one_row") as asked_here:
        assert [deliveries.found("parents_exist", name) for name in ("ER_CAM_F", "ER_PHA_F")] == found
    assert not asked.called and not asked_here.called, "the second time, from memory"


def test_a_table_that_was_received_again_is_looked_at_again(deliveries):
    columns = {"BEN_RES_COM": "075"}
    assert deliveries.rows("IR_BEN_R", beneficiaries(9, **columns), "IR_BEN_R").status("communes", "IR_BEN_R") == USABLE
    columns = {"BEN_RES_COM": "999"}
    again = deliveries.rows("IR_BEN_R", beneficiaries(9, **columns), "IR_BEN_R")
    assert again.status("communes", "IR_BEN_R") == RESERVES


def test_a_second_verification_by_another_process_reads_no_stored_row(deliveries, monkeypatch):
    checks = ("key_is_unique", "parents_exist", "one_to_one")
    deliveries.rows("T_MCO19B", stays(5, SEJ_NBJ=1), "T_MCO_B", 2019)
    deliveries.rows("T_MCO19C", stays(5, NIR_ANO_17="P1"), "T_MCO_C", 2019)
    first = [deliveries.found(check, "T_MCO_C") for check in checks]
    for memory in ("_answers", "_kept"):
        monkeypatch.setattr(once, memory, {})
    for module in (once, by_rows):
        monkeypatch.setattr(module, "one_row", lambda *_: pytest.fail("a stored table was read again"))
    assert [deliveries.found(check, "T_MCO_C") for check in checks] == first


def test_counts_of_persons_are_not_kept(deliveries):
    deliveries.rows("IR_BEN_R", beneficiaries(9), "IR_BEN_R")
    deliveries.prs([{"FLX_DIS_DTD": "2019-01-01"}])
    assert verify_patients(deliveries.store, TABLES)
    assert not (deliveries.store.warehouse / once.KEPT).exists()


def test_one_to_one_where_each_stay_has_its_patient(deliveries):
    deliveries.rows("T_MCO19B", stays(5, SEJ_NBJ=1), "T_MCO_B", 2019)
    deliveries.rows("T_MCO19C", stays(5, NIR_ANO_17="P1"), "T_MCO_C", 2019)
    assert deliveries.status("one_to_one", "T_MCO_C") == USABLE


def test_one_to_one_fails_where_stays_lack_a_patient_and_others_have_two(deliveries):
    deliveries.rows("T_MCO19B", stays(5, SEJ_NBJ=1), "T_MCO_B", 2019)
    deliveries.rows("T_MCO19C", stays(4, NIR_ANO_17="P1") + stays(1, NIR_ANO_17="P2"), "T_MCO_C", 2019)
    finding = deliveries.found("one_to_one", "T_MCO_C")
    assert finding.status == UNUSABLE
    assert (finding.figures["rows of T_MCO_B without a row here"], finding.figures["rows beyond one"]) == (1, 1)


@pytest.mark.parametrize(("c", "keys"), [("T_SSR_C", "ETA_NUM RHA_NUM"), ("T_HAD_C", "ETA_NUM_EPMSI RHAD_NUM")])
@pytest.mark.parametrize(("patients", "status"), [((1, 2, 3), USABLE), ((1, 2), UNUSABLE), ((1, 2, 3, 3), UNUSABLE)])
def test_each_stay_of_several_weeks_or_sequences_has_its_patient(deliveries, c, keys, patients, status):
    """B has several rows of a stay, C one."""
    b = c.replace("C", "B")
    establishment, number = keys.split()
    rest = {"T_SSR_B": "RHS_NUM", "T_HAD_B": "SSEQ_NUM"}[b]
    of_b = [{establishment: "750712184", number: f"{n:05d}", rest: week} for n in (1, 2, 3) for week in (1, 2)]
    of_c = [
        {establishment: "750712184", number: f"{n:05d}", "NIR_ANO_17": f"P{place}"} for place, n in enumerate(patients)
    ]
    deliveries.rows(TABLES[b].file_name(2019)[:-4], of_b, b, 2019)
    deliveries.rows(TABLES[c].file_name(2019)[:-4], of_c, c, 2019)
    assert "one_to_one" in checks_of(TABLES[c])
    finding = deliveries.found("one_to_one", c)
    assert finding.status == status
    assert finding.figures["rows beyond one"] == len(patients) - len(set(patients))
    assert finding.figures[f"rows of {b} without a row here"] == 2 * (3 - len(set(patients)))


# --- time --------------------------------------------------------------------------------------------------------


def test_flow_months_without_a_hole_pass_over_two_years(deliveries):
    deliveries.prs(at_months(YEAR))
    deliveries.prs(at_months([month.replace("2019", "2020") for month in YEAR]), year=2020)
    assert deliveries.status("flow_months", "ER_PRS_F", [2019]) == USABLE
    assert deliveries.status("flow_months", "ER_PRS_F", [2020]) == USABLE


def test_a_hole_in_the_months_of_flow_is_named(deliveries):
    finding = deliveries.prs(at_months(YEAR[:4] + YEAR[5:])).found("flow_months", "ER_PRS_F")
    assert finding.status == RESERVES
    assert "no row of 2019-05" in finding.sentence


def test_months_that_lack_before_the_first_or_after_the_last_are_an_incomplete_year(deliveries):
    finding = deliveries.prs(at_months(YEAR[1:11])).found("flow_months", "ER_PRS_F")
    assert finding.status == RESERVES
    assert "year is not complete (2019-01, 2019-12)" in finding.sentence


def test_months_that_lack_at_the_end_of_a_year_before_another_are_a_hole(deliveries):
    deliveries.prs(at_months(YEAR[:11])).prs([{"FLX_DIS_DTD": "2020-01-01"}], year=2020)
    assert "no row of 2019-12" in deliveries.found("flow_months", "ER_PRS_F", [2019]).sentence


def test_a_flow_of_another_day_or_year_has_reserves_in_a_small_table(deliveries):
    finding = deliveries.prs(at_months([*YEAR, "2019-03-15", "2018-03-01"])).found("flow_months", "ER_PRS_F")
    assert (finding.status, finding.figures["rows of another day or year"]) == (RESERVES, 2)


def test_flows_that_are_mostly_of_other_days_make_a_table_unusable(deliveries):
    days = [f"2019-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 11)]
    assert deliveries.prs(at_months(days)).status("flow_months", "ER_PRS_F") == UNUSABLE


def test_a_whole_table_is_only_looked_at_between_its_first_and_last_month(deliveries):
    rows = [{**KEY, "PRS_ORD_NUM": n, "FLX_DIS_DTD": m, "BEN_NIR_PSA": "P"} for n, m in enumerate(YEAR[2:5])]
    assert deliveries.rows("ER_PRS_F", rows, "ER_PRS_F").status("flow_months", "ER_PRS_F") == USABLE


def test_care_before_its_flow_passes_and_tells_what_arrived_in_time(deliveries):
    rows = [{"EXE_SOI_DTD": "2019-01-15"}, {"FLX_DIS_DTD": "2019-07-01", "EXE_SOI_DTD": "2019-01-31"},
            {"FLX_DIS_DTD": "2019-08-01", "EXE_SOI_DTD": "2019-01-31"}]  # fmt: skip
    finding = deliveries.prs([{**KEY, **row, "PRS_ORD_NUM": n} for n, row in enumerate(rows)]).found(
        "delays", "ER_PRS_F"
    )
    assert finding.status == USABLE
    assert finding.figures["share that arrived within 6 months"] == pytest.approx(2 / 3, abs=1e-5)


def test_care_after_its_flow_has_reserves(deliveries):
    assert deliveries.prs(at_months(YEAR, EXE_SOI_DTD="2019-12-02")).status("delays", "ER_PRS_F") == RESERVES


def test_hospital_care_that_ends_in_the_year_of_its_file_passes(deliveries):
    rows = [{"EXE_SOI_DTD": "2018-12-30", "EXE_SOI_DTF": "2019-01-02", **stay} for stay in stays(3)]
    assert deliveries.rows("T_MCO19C", rows, "T_MCO_C", 2019).status("care_year", "T_MCO_C") == USABLE


def test_hospital_care_of_another_year_has_reserves(deliveries):
    rows = [{"EXE_SOI_DTD": "2018-12-30", "EXE_SOI_DTF": "2018-12-31", **stay} for stay in stays(3)]
    assert deliveries.rows("T_MCO19C", rows, "T_MCO_C", 2019).status("care_year", "T_MCO_C") == RESERVES


@pytest.mark.parametrize(
    ("other", "rows", "status"),
    [(1, 100, USABLE), (2, 100, RESERVES), (50, 100, RESERVES), (51, 100, UNUSABLE), (99, 99, RESERVES)],
)
def test_hospital_care_that_is_mostly_of_another_year_is_unusable(deliveries, other, rows, status):
    ends = ["2018-12-31"] * other + ["2019-01-02"] * (rows - other)
    lines = [
        {"EXE_SOI_DTD": "2018-12-30", "EXE_SOI_DTF": end, **stay} for stay, end in zip(stays(rows), ends, strict=True)
    ]
    finding = deliveries.rows("T_MCO19C", lines, "T_MCO_C", 2019).found("care_year", "T_MCO_C")
    assert (finding.status, finding.figures["rows of another year"]) == (status, other)
    assert "care_year" in BLOCKING


def test_months_of_about_the_same_volume_pass(deliveries):
    assert deliveries.prs(at_months(YEAR * 250)).status("volumes", "ER_PRS_F") == USABLE


def test_a_cliff_and_a_hole_in_the_volume_are_named(deliveries):
    finding = deliveries.prs(at_months((YEAR[:5] + YEAR[7:]) * 250 + YEAR[5:6] * 50)).found("volumes", "ER_PRS_F")
    assert finding.status == RESERVES
    assert "2019-06 (50 rows), 2019-07 (0 rows)" in finding.sentence


def test_small_months_are_not_judged_by_volume(deliveries):
    assert deliveries.prs(at_months([*YEAR, *YEAR[:1] * 50])).status("volumes", "ER_PRS_F") == USABLE


def test_hospital_months_of_another_year_are_not_judged_by_volume(deliveries):
    months = [f"2019-{month:02d}" for month in range(1, 13)] * 210 + ["2018-12"]
    rows = [{**stay, "EXE_SOI_DTD": f"{m}-05"} for stay, m in zip(stays(len(months)), months, strict=True)]
    assert deliveries.rows("T_MCO19C", rows, "T_MCO_C", 2019).status("volumes", "T_MCO_C") == USABLE


# --- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "status"), [(1, USABLE), (3, RESERVES)])
def test_return_codes_must_be_0_in_most_rows(deliveries, wrong, status):
    rows = [{**stay, "NIR_RET": "0", "SEX_RET": ""} for stay in stays(20 - wrong)]
    rows += [{**stay, "NIR_RET": "3", "SEX_RET": "0"} for stay in stays(20)[20 - wrong :]]
    assert deliveries.rows("T_MCO19C", rows, "T_MCO_C", 2019).status("return_codes", "T_MCO_C") == status


@pytest.mark.parametrize(("negative", "status"), [(1, USABLE), (3, RESERVES)])
def test_negative_lines_are_few(deliveries, negative, status):
    rows = [{"PRS_ACT_QTE": -1}] * negative + [{"PRS_ACT_QTE": 1}] * (20 - negative)
    assert deliveries.prs(rows).status("negative_lines", "ER_PRS_F") == status


@pytest.mark.parametrize(("rows", "status"), [(9_999, USABLE), (10_000, RESERVES)])
def test_many_lines_without_any_correction_have_reserves(deliveries, rows, status):
    assert deliveries.prs([{"PRS_ACT_QTE": 1}] * rows).status("negative_lines", "ER_PRS_F") == status


@pytest.mark.parametrize(
    ("others", "rows", "status", "told"),
    [
        (1, 20, USABLE, {"rows with 00": 19, "rows with (other)": 1}),
        (3, 20, RESERVES, {"rows with 00": 17, "rows with (other)": 3}),
        (11, 220, USABLE, {"rows with 00": 209, "rows with 04": 11}),
        (33, 220, RESERVES, {"rows with 00": 187, "rows with 04": 33}),
    ],
)
def test_most_beneficiaries_have_a_certified_nir(deliveries, others, rows, status, told):
    number, rows = rows, beneficiaries(rows, BEN_CDI_NIR="00")
    rows = [{**row, "BEN_CDI_NIR": "04"} if n < others else row for n, row in enumerate(rows)]
    finding = deliveries.rows("IR_BEN_R", rows, "IR_BEN_R").found("certified_nir", "IR_BEN_R")
    assert finding.status == status
    assert finding.figures == {"rows with a BEN_CDI_NIR": number, "share": 1 - others / number, **told}


def test_the_share_of_certified_nir_is_counted_whatever_codes_are_named(deliveries):
    """Fewer than eleven rows of each code: the receipt names none."""
    rows = beneficiaries(5, BEN_CDI_NIR="00") + beneficiaries(10, BEN_CDI_NIR="04")[5:]
    finding = deliveries.rows("IR_BEN_R", rows, "IR_BEN_R").found("certified_nir", "IR_BEN_R")
    assert finding.status == RESERVES
    assert finding.figures == {"rows with a BEN_CDI_NIR": 10, "share": 0.5, "rows with (other)": 10}


@pytest.mark.parametrize(("unknown", "status"), [(2, USABLE), (3, RESERVES)])
def test_most_communes_are_known(deliveries, unknown, status):
    rows = beneficiaries(20, BEN_RES_COM="114")
    codes = ["000", "999", ""]
    rows = [{**row, "BEN_RES_COM": codes[n]} if n < unknown else row for n, row in enumerate(rows)]
    assert deliveries.rows("IR_BEN_R", rows, "IR_BEN_R").status("communes", "IR_BEN_R") == status


@pytest.mark.parametrize("nothing", ["", "1600-01-01"])
@pytest.mark.parametrize(("without", "status"), [(1, USABLE), (3, RESERVES)])
def test_care_has_a_date(deliveries, nothing, without, status):
    dates = [nothing] * without + ["2019-01-15"] * (200 - without)
    finding = deliveries.prs([{"EXE_SOI_DTD": day, "PRE_PRE_DTD": "1600-01-01"} for day in dates]).found(
        "dates_not_given", "ER_PRS_F"
    )
    assert finding.status == status, "a prescription without a date is not judged"
    assert finding.figures["share of PRE_PRE_DTD not given"] == 1


@pytest.mark.parametrize(
    ("wrong", "rows", "status"),
    [
        (2, 150, USABLE),
        (3, 150, RESERVES),
        (1, 300, USABLE),
        (4, 300, RESERVES),
        (100, 300, UNUSABLE),
        (3, 6, UNUSABLE),
    ],
)
def test_wrong_values_are_few(deliveries, wrong, rows, status):
    values = ["13"] * wrong + ["12"] * (rows - wrong)
    lines = [{**row, "BEN_NAI_MOI": month} for row, month in zip(beneficiaries(rows), values, strict=True)]
    finding = deliveries.rows("IR_BEN_R", lines, "IR_BEN_R").found("rejects", "IR_BEN_R")
    assert finding.status == status
    assert status == USABLE or "BEN_NAI_MOI: more than 12" in finding.sentence


def test_one_wrong_value_in_each_of_several_columns_of_a_tiny_table_is_not_unusable(deliveries):
    lines = beneficiaries(4, BEN_NAI_MOI="1", BEN_DCD_DTE="2019-01-01", BEN_IDT_MAJ="2019-01-01")
    lines[0] |= {"BEN_NAI_MOI": "13"}
    lines[1] |= {"BEN_DCD_DTE": "no date"}
    lines[2] |= {"BEN_IDT_MAJ": "no date"}
    assert deliveries.rows("IR_BEN_R", lines, "IR_BEN_R").status("rejects", "IR_BEN_R") == RESERVES


def test_rows_set_aside_count_as_rejects(deliveries):
    lines = [{**row, **({"BEN_NIR_PSA": ""} if n < 150 else {})} for n, row in enumerate(beneficiaries(300))]
    finding = deliveries.rows("IR_BEN_R", lines, "IR_BEN_R").found("rejects", "IR_BEN_R")
    assert (finding.status, finding.figures["rows set aside"], finding.figures["values set to NULL"]) == (
        UNUSABLE, 150, 0,
    )  # fmt: skip


def test_years_of_birth_set_to_null_count_as_rejects(deliveries):
    lines = [{**row, "BEN_NAI_ANN": "?" if n < 150 else 1960} for n, row in enumerate(beneficiaries(300))]
    finding = deliveries.rows("IR_BEN_R", lines, "IR_BEN_R").found("rejects", "IR_BEN_R")
    assert (finding.status, finding.figures["rows set aside"]) == (UNUSABLE, 0)
    assert finding.figures["NULL instead of a wrong BEN_NAI_ANN"] == 150


@pytest.mark.parametrize(
    ("outside", "rows", "status", "told"),
    [
        (1, 40, USABLE, ""),
        (3, 40, RESERVES, "BEN_SEX_COD (7.5%)."),
        (11, 176, RESERVES, "BEN_SEX_COD (6.2%: 7)."),
        (33, 440, RESERVES, "BEN_SEX_COD (7.5%: 7)."),
    ],
)
def test_codes_are_those_of_their_nomenclature(deliveries, outside, rows, status, told):
    codes = ["7"] * outside + ["1"] * (rows - outside)
    rows = [{**row, "BEN_SEX_COD": code} for row, code in zip(beneficiaries(rows), codes, strict=True)]
    finding = deliveries.rows("IR_BEN_R", rows, "IR_BEN_R").found("nomenclatures", "IR_BEN_R")
    assert finding.status == status
    assert told in finding.sentence, "codes of fewer than eleven rows are not named"


# --- files and drift ---------------------------------------------------------------------------------------------


def test_files_that_came_once_pass(deliveries):
    assert deliveries.prs(at_months(YEAR)).status("files", "ER_PRS_F") == USABLE


def test_copies_duplicates_and_repeated_headers_have_reserves(deliveries):
    header = "BEN_NIR_PSA;BEN_RNG_GEM;BEN_NAI_ANN"
    deliveries.text("IR_BEN_R", f"{header}\nP1;1;1960\nP1;1;1960\n{header}\nP2;1;1960\n", "IR_BEN_R")
    finding = deliveries.found("files", "IR_BEN_R")
    assert finding.status == RESERVES
    assert (finding.figures["duplicates removed"], finding.figures["repeated headers"]) == (1, 1)


def test_a_copy_of_a_file_and_a_file_that_vanished_have_reserves(deliveries):
    text = ";".join([*KEY, "BEN_NIR_PSA"]) + "\n" + ";".join([*KEY.values(), "P1"]) + "\n"
    (deliveries.folder / "ER_PRS_F_2019_1.csv").write_text(text)
    deliveries.text("ER_PRS_F_2019_2", text, "ER_PRS_F", 2019)
    finding = deliveries.found("files", "ER_PRS_F")
    assert (finding.status, finding.figures["copies"]) == (RESERVES, 1)
    (deliveries.folder / "ER_PRS_F_2019_2.csv").unlink()
    finding = deliveries.receive("ER_PRS_F", 2019).found("files", "ER_PRS_F")
    assert (finding.status, finding.figures["files vanished"]) == (RESERVES, 1)


def test_a_file_and_the_same_packed_are_told_as_copies(deliveries):
    text = ";".join([*KEY, "BEN_NIR_PSA"]) + "\n" + ";".join([*KEY.values(), "P1"]) + "\n"
    (deliveries.folder / "ER_PRS_F_2019.csv.gz").write_bytes(gzip.compress(text.encode()))
    deliveries.text("ER_PRS_F_2019", text, "ER_PRS_F", 2019)
    finding = deliveries.found("files", "ER_PRS_F")
    assert (finding.status, finding.figures["files"], finding.figures["copies"]) == (RESERVES, 2, 1)
    assert "ER_PRS_F_2019.csv.gz (of ER_PRS_F_2019.csv)" in finding.sentence
    assert deliveries.found("has_rows", "ER_PRS_F").figures["rows"] == 1
    assert deliveries.status("rows_are_accounted", "ER_PRS_F") == USABLE


def described(codes, rows=None):
    """A receipt that has these codes in BEN_SEX_COD."""
    rows = rows or sum(codes.values())
    file = FileReceipt("IR_BEN_R.csv", "0", 1, rows=rows, stored=rows, columns=["BEN_SEX_COD"])
    return Receipt("IR_BEN_R", None, "1", files=[file], codes={"BEN_SEX_COD": codes})


def test_the_index_to_expect_by_chance_grows_with_categories_and_falls_with_rows():
    assert by_chance({"1": 100}, {"1": 100}) == 0
    assert by_chance({"1": 50, "2": 50}, {"1": 50, "2": 50}) == pytest.approx(2 / 100)
    assert by_chance({"1": 100}, {"2": 400}) == pytest.approx(1 / 100 + 1 / 400), "categories of either side"
    assert by_chance({"1": 100, "2": 100}, {}) == pytest.approx(1 / 200 + 1), "no row counts as one"


def test_a_distribution_that_differs_no_more_than_by_chance_does_not_drift():
    """Many categories of few rows: the index is large, and means nothing."""
    table = TABLES["IR_BEN_R"]
    then = {str(n): 3 if n % 2 else 1 for n in range(100)}
    now = {str(n): 1 if n % 2 else 3 for n in range(100)}
    assert by_chance(then, now) == pytest.approx(0.99)
    assert population_stability_index(then, now) == pytest.approx(math.log(3), abs=1e-6)
    assert math.log(3) - 0.99 < table.thresholds["drift_psi"] < math.log(3)
    assert drift(described(then), described(now), table) == []
    many = [{code: 10 * rows for code, rows in codes.items()} for codes in (then, now)]
    assert [entry["what"] for entry in drift(*map(described, many), table)] == ["distribution"], "of more rows, it does"


def test_the_index_of_a_finding_is_without_what_is_expected_by_chance():
    then, now = {"1": 150, "2": 150}, {"1": 270, "2": 30}
    (entry,) = drift(described(then), described(now), TABLES["IR_BEN_R"])
    figure = population_stability_index(then, now) - by_chance(then, now)
    assert (entry["what"], entry["column"], entry["figure"]) == ("distribution", "BEN_SEX_COD", round(figure, 4))
    assert f"index {figure:.2f}" in entry["sentence"]


@pytest.mark.parametrize(("rows", "told"), [(29, []), (30, ["BEN_SEX_COD"])])
@pytest.mark.parametrize("verb", ["appeared", "are gone"])
def test_a_code_of_thirty_rows_appears_and_is_gone(rows, told, verb):
    with_it, without = described({"1": 300, "7": rows}), described({"1": 300 + rows})
    before, now = (without, with_it) if verb == "appeared" else (with_it, without)
    found = [entry for entry in drift(before, now, TABLES["IR_BEN_R"]) if entry["what"] == "codes"]
    assert [entry["column"] for entry in found] == told
    assert all(f"codes that {verb}" in entry["sentence"] and entry["sentence"].endswith(": 7.") for entry in found)


def test_the_same_delivery_again_does_not_drift(deliveries):
    deliveries.rows("IR_BEN_R", beneficiaries(300), "IR_BEN_R")
    deliveries.rows("IR_BEN_R", beneficiaries(310), "IR_BEN_R")
    assert deliveries.status("drift", "IR_BEN_R") == USABLE


def test_a_drift_says_which_line_of_the_contract_to_change(deliveries):
    deliveries.rows("IR_BEN_R", beneficiaries(300), "IR_BEN_R")
    deliveries.rows("IR_BEN_R", beneficiaries(500), "IR_BEN_R")
    finding = deliveries.found("drift", "IR_BEN_R")
    assert finding.status == RESERVES
    assert "500 rows, 300 before" in finding.sentence
    assert "drift_volume" in finding.figures["contract line of change 1"]


# --- patients ----------------------------------------------------------------------------------------------------


def patients(deliveries, small_cell=11):
    return {finding.sentence: finding for finding in verify_patients(deliveries.store, TABLES, small_cell)}


def test_patients_of_one_delivery_are_in_the_referential(deliveries):
    deliveries.prs([{"BEN_NIR_PSA": f"P{n:016d}"} for n in range(40)])
    dummies = ["x" * 17, "X" * 16 + "D", "B" + "X" * 16, ""]
    pseudonyms = [f"P{n:016d}" for n in range(30)] + dummies
    rows = [{**stay, "NIR_ANO_17": p} for stay, p in zip(stays(len(pseudonyms)), pseudonyms, strict=True)]
    deliveries.rows("T_MCO19C", rows, "T_MCO_C", 2019)
    deliveries.rows("IR_BEN_R", beneficiaries(25), "IR_BEN_R")
    deliveries.rows("IR_BEN_R_ARC", beneficiaries(50)[25:], "IR_BEN_R_ARC")
    found = list(patients(deliveries).values())
    assert verdict(found) == USABLE
    assert [finding.figures["in both"] for finding in found] == [40, 30, 30], "dummies are nobody"


def test_patients_who_lack_in_the_referential_have_reserves(deliveries):
    deliveries.prs([{"BEN_NIR_PSA": f"P{n:016d}"} for n in range(100)])
    deliveries.rows("IR_BEN_R", beneficiaries(60), "IR_BEN_R")
    (finding,) = patients(deliveries).values()
    assert (finding.status, finding.table, finding.year, finding.check) == (RESERVES, "", None, "patients")
    assert finding.figures == {
        "patients of DCIR": 100, "patients of IR_BEN_R": 60, "in both": 60, "share": "60.0%"
    }  # fmt: skip


def test_pseudonyms_of_two_deliveries_make_them_unusable(deliveries):
    deliveries.prs([{"BEN_NIR_PSA": f"Q{n:016d}"} for n in range(30)])
    deliveries.rows("IR_BEN_R", beneficiaries(30), "IR_BEN_R")
    assert verdict(patients(deliveries).values()) == UNUSABLE


def test_a_few_patients_without_anybody_in_common_have_reserves(deliveries):
    deliveries.prs([{"BEN_NIR_PSA": f"Q{n:016d}"} for n in range(19)])
    deliveries.rows("IR_BEN_R", beneficiaries(30), "IR_BEN_R")
    assert verdict(patients(deliveries).values()) == RESERVES


def test_without_the_referential_there_is_nothing_to_compare_with(deliveries):
    deliveries.prs([{}])
    (sentence,) = patients(deliveries)
    assert "IR_BEN_R is not stored" in sentence


def test_patients_with_a_long_term_disease_are_in_the_referential(deliveries):
    rows = [{"BEN_NIR_PSA": f"Q{n:016d}", "BEN_RNG_GEM": 1, "IMB_ALD_NUM": "8"} for n in range(30)]
    deliveries.rows("IR_IMB_R", rows, "IR_IMB_R").rows("IR_BEN_R", beneficiaries(30), "IR_BEN_R")
    (sentence,) = patients(deliveries)
    assert sentence.startswith("IR_IMB_R and IR_BEN_R have no patient in common")


@pytest.mark.parametrize(
    ("care", "known", "told"),
    [
        (5, 30, ("fewer than 11", "fewer than 11", "a share that is not shown")),
        (100, 5, (100, "fewer than 11", "less than 11.0%")),
        (100, 95, (100, "all but fewer than 11", "more than 89.0%")),
        (100, 80, (100, 80, "80.0%")),
    ],
)
def test_small_counts_of_persons_are_not_shown_nor_given_by_subtraction(deliveries, care, known, told):
    deliveries.prs([{"BEN_NIR_PSA": f"P{n:016d}"} for n in range(care)])
    deliveries.rows("IR_BEN_R", beneficiaries(known), "IR_BEN_R")
    (finding,) = patients(deliveries).values()
    assert (finding.figures["patients of DCIR"], finding.figures["in both"], finding.figures["share"]) == told
