"""The delivery report: its verdict, the page that needs nothing but itself, and the JSON that says the same."""

import gzip
import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.deliveries import NOT_RECEIVED, check_delivery, receive_delivery, report_of
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.findings import Finding, Status
from snds_omop_assets.reception.receipt import FileReceipt, Receipt
from snds_omop_assets.reception.report import (
    UNCLAIMED,
    DeliveryReport,
    as_html,
    as_json,
    number,
    reasons,
    volumes,
    write_report,
)
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings

TITLES = {"ER_PRS_F": "Prestations (table centrale du DCIR)", "IR_BEN_R": "Référentiel des bénéficiaires"}
RESOURCES = re.compile(
    r"""(?:src|href)\s*=\s*["'](?!\#)|url\((?!\#)|@import|<link|<script|<iframe|<object|https?://""", re.I
)


def months(year: int, rows: int, without: int | None = None) -> Counter[str]:
    return Counter({f"{year}-{m:02d}": rows + 10 * m for m in range(1, 13) if m != without})


def a_file(name: str, rows: int, set_aside: int = 0, duplicates: int = 0) -> FileReceipt:
    return FileReceipt(
        name,
        "0123456789abcdef" * 4,
        bytes=rows * 310,
        rows=rows,
        stored=rows - set_aside - duplicates,
        set_aside=set_aside,
        duplicates=duplicates,
        columns=["FLX_DIS_DTD", "PRS_NAT_REF"],
        received_as={"BEN_NIR_PSA": "NUM_ENQ"},
        absent=["ETE_CAT_COD", "ETE_IND_TAA", "PFS_EXE_NUM"],
        ignored=["ALSO_LEFT", "NOT_OURS"],
        written={"kind": "text", "compression": "gzip", "encoding": "cp1252", "separator": ";",
                 "dates dd/mm/yyyy": ["EXE_SOI_DTD", "FLX_DIS_DTD"], "decimal": "comma", "missing": ["."]},
    )  # fmt: skip


def a_receipt(year: int = 2019, hole: int | None = None) -> Receipt:
    return Receipt(
        "ER_PRS_F",
        year,
        "9c1d4e0a1b2c",
        files=[a_file(f"dcir/ER_PRS_F_{year}-01.csv.gz", 1_200_345, 1_200, 45), a_file(f"PRS_{year}-02.csv", 5_000)],
        rejects={"|row set aside|122 values where the header has 123": 200,
                 "FLX_DIS_DTD|row set aside|required value is not given": 1_000,
                 "|row removed|the same row as another": 45,
                 "PRS_ACT_QTE|value set to NULL|does not parse as integer": 3_210},
        normalised=Counter({"PRS_NAT_REF": 12_000}),
        not_given=Counter({"EXE_SOI_DTF": 88}),
        outside=Counter({"PRS_NAT_REF": 7}),
        outside_codes={"PRS_NAT_REF": ["9998", "9999"]},
        months=months(year, 100_000, hole),
        key=["FLX_DIS_DTD"],
        drift=[{"what": "volume", "column": "", "sentence": "1204100 rows, 800000 before (+51%).", "figure": 0.5051,
                "contract": "tables: ER_PRS_F: thresholds: drift_volume: (now 0.3)"}],
    )  # fmt: skip


def a_report(**changes: object) -> DeliveryReport:
    words = {
        "delivery": "delivery_2020",
        "layout": "official",
        "written": "2020-07-01T10:00:00",
        "receipts": [
            a_receipt(2018),
            a_receipt(2019, hole=8),
            Receipt("IR_BEN_R", None, "77aa", files=[a_file("IR_BEN_R.csv", 80_000)]),
        ],
        "findings": [
            Finding("has_rows", "ER_PRS_F", 2019, Status.USABLE, "There are rows.", {"rows": 1_204_100}),
            Finding(
                "no_hole", "ER_PRS_F", 2019, Status.RESERVES, "2019-08 has no row.", {"months": 1, "share": 0.0833333}
            ),
            Finding("links", "", None, Status.USABLE, "Services belong to beneficiaries.", {"orphans": 0}),
        ],
        "unclaimed": [],
        "errors": {},
    }
    return DeliveryReport(**{**words, **changes})  # type: ignore[arg-type]


def finding(status: Status, table: str = "ER_PRS_F", year: int | None = 2019, sentence: str = "Found.") -> Finding:
    return Finding("a_check", table, year, status, sentence)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"findings": []}, Status.USABLE),
        ({"findings": [finding(Status.USABLE)]}, Status.USABLE),
        ({"findings": [finding(Status.USABLE), finding(Status.RESERVES)]}, Status.RESERVES),
        ({"findings": [finding(Status.UNUSABLE), finding(Status.RESERVES)]}, Status.UNUSABLE),
        ({"findings": [], "unclaimed": ["readme.csv"]}, Status.RESERVES),
        ({"findings": [finding(Status.UNUSABLE)], "unclaimed": ["readme.csv"]}, Status.UNUSABLE),
        ({"findings": [], "errors": {"IR_BEN_R": "The file is cut."}}, Status.UNUSABLE),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(changes: dict, status: Status):
    report = a_report(**changes)
    assert report.verdict is status
    assert json.loads(as_json(report))["status"] == status.value
    french = ("utilisable", "utilisable avec réserves", "inutilisable")[status]
    assert f"Verdict : <strong>{french}</strong>" in as_html(report, TITLES)


def test_a_table_has_the_verdict_of_its_year_and_of_all_years():
    report = a_report(
        findings=[finding(Status.UNUSABLE, year=2019), finding(Status.RESERVES, year=None)],
        errors={"IR_BEN_R": "The file is cut."},
    )
    verdicts = [report.verdict_of(receipt) for receipt in report.receipts]
    assert verdicts == [Status.RESERVES, Status.UNUSABLE, Status.UNUSABLE]
    late = a_report(errors={"ER_PRS_F 2018": "The file is cut."}, findings=[])
    assert [late.verdict_of(receipt) for receipt in late.receipts] == [Status.UNUSABLE, Status.USABLE, Status.USABLE]


def test_the_reasons_stand_by_table_and_worst_first():
    report = a_report(
        findings=[
            finding(Status.RESERVES, "ER_CAM_F"),
            finding(Status.USABLE, "ER_ETE_F"),
            finding(Status.RESERVES, "T_MCO_B", 2018, "first"),
            finding(Status.UNUSABLE, "T_MCO_B", 2019, "second"),
            finding(Status.RESERVES, "", None),
        ],
        unclaimed=["readme.csv"],
        errors={"IR_BEN_R": "The file is cut."},
    )
    found = reasons(report)
    assert [about for about, _ in found] == ["IR_BEN_R", "T_MCO_B", "ER_CAM_F", UNCLAIMED, "Several tables"]
    assert [reason.sentence for reason in found[1][1]] == ["second", "first"]


def test_the_page_needs_nothing_but_itself():
    other = Receipt("ER_CAM_F", 2019, "77aa", months=months(2019, 900, 8))
    page = as_html(a_report(receipts=[other, a_receipt(hole=8)], unclaimed=["readme.csv"]), TITLES)
    assert page.count("<svg ") == 2
    assert not RESOURCES.findall(page)
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))


def test_the_page_shows_sums_reasons_and_every_section():
    page = as_html(a_report(unclaimed=["readme.csv"], errors={"ER_PHA_F 2019": "The file is cut."}), TITLES)
    for text in (
        "<b>2 490 690</b> rows in the files = <b>2 488 200</b> stored + <b>2 400</b> set aside + <b>90</b> duplicates",
        "2019-08 has no row.",
        "The file is cut.",
        "readme.csv",
        "Référentiel des bénéficiaires",
        "122 values where the header has 123",
        "0.08333",
        "tables: ER_PRS_F: thresholds: drift_volume: (now 0.3)",
        'title="0123456789abcdef',
        "cp1252",
        "BEN_NIR_PSA&nbsp;←&nbsp;NUM_ENQ",
        "9998, 9999",
        "No row in 2019-08.",
        "ALSO_LEFT, NOT_OURS",
    ):
        assert text in page.replace("\u202f", " "), text
    titles = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert titles == ["Why", "What came", "Errors", "Monthly volumes", "Rejects by rule", "Checks", "Drift",
                      "How the files are written", "Values not given and normalised", UNCLAIMED]  # fmt: skip


def test_rows_that_do_not_add_up_are_seen():
    receipt = Receipt("IR_BEN_R", None, "77aa", files=[a_file("IR_BEN_R.csv", 10)])
    assert "✕" not in as_html(a_report(receipts=[receipt], findings=[]), TITLES)
    receipt.files[0].stored = 7
    assert "✕ 3 not accounted for" in as_html(a_report(receipts=[receipt], findings=[]), TITLES)


def test_markup_in_names_and_sentences_is_text():
    name = "<img src=x onerror=alert(1)>&.csv"
    receipt = Receipt("ER_<b>", None, "77aa", files=[a_file(name, 10)], months=Counter({"2019-01": 1}))
    page = as_html(
        a_report(delivery=name, layout=name, receipts=[receipt], unclaimed=[name], errors={name: name},
                 findings=[finding(Status.RESERVES, sentence=name)]), {"ER_<b>": name},
    )  # fmt: skip
    assert "<img" not in page
    assert "ER_<b>" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;&amp;.csv") >= 7


def test_the_json_says_the_same_and_gives_the_receipts_back():
    report = a_report(unclaimed=["readme.csv"], errors={"ER_PHA_F 2019": "The file is cut."})
    read = json.loads(as_json(report))
    assert list(read) == [
        "delivery",
        "layout",
        "written",
        "verdict",
        "status",
        "tables",
        "findings",
        "errors",
        "unclaimed",
    ]
    assert (read["verdict"], read["status"]) == ("unusable", 2)
    added = ("verdict", "rows", "stored", "set_aside", "duplicates", "nulled")
    assert [read["tables"][0][name] for name in added] == ["usable", 1_205_345, 1_204_100, 1_200, 45, 3_210]
    again = DeliveryReport(
        delivery=read["delivery"],
        layout=read["layout"],
        written=read["written"],
        receipts=[
            Receipt.from_json(json.dumps({name: told for name, told in table.items() if name not in added}))
            for table in read["tables"]
        ],
        findings=[Finding(**{**told, "status": Status(told["status"])}) for told in read["findings"]],
        unclaimed=read["unclaimed"],
        errors=read["errors"],
    )
    assert again == report
    assert as_json(again) == as_json(report)
    assert as_html(again, TITLES) == as_html(report, TITLES)
    assert read["tables"][0]["files"][0]["ignored"] == ["ALSO_LEFT", "NOT_OURS"]


def test_the_json_has_no_number_that_json_does_not_know():
    receipt = a_receipt()
    receipt.drift[0]["figure"] = math.inf
    report = a_report(receipts=[receipt])
    assert json.loads(as_json(report), parse_constant=pytest.fail)["tables"][0]["drift"][0]["figure"] == "inf"
    assert as_html(report, TITLES)


def test_a_report_without_receipts():
    report = a_report(receipts=[], findings=[])
    assert "No table was received." in as_html(report, {})
    assert "Aucune table" in as_html(report, {})
    assert json.loads(as_json(report))["tables"] == []


def test_volumes_show_whole_years_and_leave_out_stray_dates():
    first, second = a_receipt(2018), a_receipt(2019, hole=12)
    second.months.update({"1600-01": 3, "unknown": 2})
    plot = volumes("ER_PRS_F", [first, second])
    assert plot is not None
    assert plot.notes == ["No row in 2019-12.", "3 rows in other months, not drawn.", "2 rows without a month."]
    assert "from 2018-01 to 2019-12" in plot.alternative
    assert plot.svg.startswith("<svg ")
    assert volumes("IR_SPE_V", [Receipt("IR_SPE_V", None, "1")]) is None


def test_volumes_of_few_rows_over_centuries_stay_small():
    months = Counter({"1600-01": 1, "2019-05": 1})
    plot = volumes("IR_BEN_R", [Receipt("IR_BEN_R", None, "1", months=months)])
    assert plot is not None
    assert "from 1999-06 to 2019-05" in plot.alternative


def test_both_files_are_written_and_tell_no_path(tmp_path: Path):
    folder = tmp_path / "reports"
    page, data = write_report(a_report(), TITLES, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["delivery_report.html", "delivery_report.json"]
    for path in (page, data):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'[\s">(]/(?:[\w.-]+/)+[\w.-]+', text)
        assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1234567, "1 234 567"), (0.123456, "0.1235"), (12.0, "12"), (1234.5, "1 234"),
     (math.inf, "inf"), ("text", "text")],
)  # fmt: skip
def test_numbers_are_written_for_people(value: float | str, text: str):
    assert number(value).replace("\u202f", " ") == text


# What the warehouse has of a delivery


BEN = "BEN_NIR_PSA;BEN_RNG_GEM;BEN_NAI_ANN\nDPXX:1X;1;1960\n"
MCO = "ETA_NUM;RSA_NUM\n750100166;1\n"


def delivered(folder: Path, **files: str | bytes) -> Path:
    """A delivery; the names of its files end in _csv or _gz."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("_csv", ".csv").replace("_gz", ".gz")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_what_was_received_from_these_files_is_no_error(tmp_path: Path):
    folder = delivered(tmp_path / "in", IR_BEN_R_csv=BEN, T_MCO18B_csv=MCO, T_MCO19B_csv_gz=gzip.compress(MCO.encode()))
    delivery, store = open_delivery(folder), Store(tmp_path / "warehouse")
    assert receive_delivery(delivery, store).errors == {}
    report = report_of(delivery, store)
    assert (report.errors, len(report.receipts)) == ({}, 3)
    assert {receipt.described for receipt in report.receipts} == {1}


def test_every_table_and_year_that_the_warehouse_has_not_from_these_files_is_an_error(tmp_path: Path):
    folder = delivered(tmp_path / "in", IR_BEN_R_csv=BEN, T_MCO18B_csv=MCO, T_MCO19B_csv=MCO)
    store = Store(tmp_path / "warehouse")
    nothing = report_of(open_delivery(folder), store)
    assert nothing.errors == dict.fromkeys(("T_MCO_B 2018", "T_MCO_B 2019", "IR_BEN_R"), NOT_RECEIVED)
    assert (nothing.receipts, nothing.verdict) == ([], Status.UNUSABLE)
    receive_delivery(open_delivery(folder), store)
    delivered(folder, IR_BEN_R_csv=BEN + "DPXX:2X;1;1961\n", T_MCO20B_csv=MCO)
    (folder / "T_MCO18B.csv").rename(folder / "T_MCO18B_1.csv")
    report = report_of(open_delivery(folder), store)
    assert report.errors == dict.fromkeys(("T_MCO_B 2018", "T_MCO_B 2020", "IR_BEN_R"), NOT_RECEIVED)
    assert [(receipt.table, receipt.year) for receipt in report.receipts] == [("T_MCO_B", 2019)]
    assert report_of(open_delivery(folder), store, years=[2019]).errors == {"IR_BEN_R": NOT_RECEIVED}


def test_a_file_more_or_less_than_was_received_is_an_error(tmp_path: Path):
    folder = delivered(tmp_path / "in", IR_BEN_R_1_csv=BEN, IR_BEN_R_2_csv=BEN.replace("1X", "2X"))
    store = Store(tmp_path / "warehouse")
    receive_delivery(open_delivery(folder), store)
    assert report_of(open_delivery(folder), store).errors == {}
    delivered(folder, IR_BEN_R_3_csv=BEN.replace("1X", "3X"))
    assert report_of(open_delivery(folder), store).errors == {"IR_BEN_R": NOT_RECEIVED}
    for part in (2, 3):
        (folder / f"IR_BEN_R_{part}.csv").unlink()
    assert report_of(open_delivery(folder), store).errors == {"IR_BEN_R": NOT_RECEIVED}


def test_why_a_table_was_refused_says_more_than_that_it_is_not_there(tmp_path: Path):
    folder = delivered(tmp_path / "in", IR_BEN_R_csv="", T_MCO19B_csv=MCO)
    delivery, store = open_delivery(folder), Store(tmp_path / "warehouse")
    errors = receive_delivery(delivery, store).errors
    report = report_of(delivery, store, errors)
    assert list(report.errors) == ["IR_BEN_R"]
    assert "IR_BEN_R.csv is empty" in report.errors["IR_BEN_R"]
    late = report_of(delivery, store)
    assert late.errors == {"IR_BEN_R": NOT_RECEIVED}
    assert NOT_RECEIVED in as_html(late, TITLES)


def test_a_delivery_without_a_table_is_refused_by_its_check(tmp_path: Path):
    settings = Settings(delivery=delivered(tmp_path / "in", readme_csv="A;B\n"), warehouse=tmp_path / "warehouse")
    with pytest.raises(DeliveryError, match=r"No file of .*in has the name of an SNDS table"):
        check_delivery(settings)
    assert not (tmp_path / "warehouse").exists()


def test_a_delivery_without_the_years_that_are_asked_for_is_refused_by_its_check(tmp_path: Path):
    folder = delivered(tmp_path / "in", IR_BEN_R_csv=BEN, T_MCO18B_csv=MCO, T_MCO19B_csv=MCO)
    settings = Settings(delivery=folder, warehouse=tmp_path / "warehouse")
    with pytest.raises(DeliveryError, match=r"has no file of 2020, 2021; it has 2018, 2019\."):
        check_delivery(settings, years=[2021, 2020])
    report = check_delivery(settings, years=[2019, 2021])
    assert [(receipt.table, receipt.year) for receipt in report.receipts] == [("IR_BEN_R", None), ("T_MCO_B", 2019)]
    assert report.errors == {}
    for year in (18, 19):
        (folder / f"T_MCO{year}B.csv").unlink()
    with pytest.raises(DeliveryError, match=r"has no file of 2019; it has tables that tell no year\."):
        check_delivery(settings, years=[2019])
