"""Each fault of a synthetic delivery is done to a good one, and reception must find it."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.reception.deliveries import check_delivery
from snds_omop_assets.reception.report import DeliveryReport
from snds_omop_assets.reception.verification import CHECKS
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.faults import FAULTS, REFUSED, RESERVES, UNCLAIMED, UNUSABLE, Fault, spoil
from snds_omop_assets.synthetic.generate import DELIVERY, generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets_tests.good_delivery import MARK, write_good_delivery
from snds_omop_assets_tests.test_mutations import everything, quick

__all__ = ["quick"]  # makes the checks quick, on its own

CSV, PARQUET = ".CSV", ".parquet"

TEXT_ONLY = {
    "last-line-cut", "few-ragged-rows", "many-ragged-rows", "header-repeated", "no-header", "nul-byte",
    "quote-not-closed", "carriage-returns-alone", "utf-16", "gzip-under-csv", "gzip-cut", "column-twice",
}  # fmt: skip
"""The faults that no Parquet file can have."""

JUDGED_AS_PARQUET = ("parquet-cut", "parquet-under-csv", "wrong-table", "empty-file", "header-only",
                     "key-column-missing", "days-and-months-exchanged", "few-wrong-dates", "hole-in-stays")  # fmt: skip
"""The faults that reception judges in a Parquet delivery too; of the others it is seen that they are the same rows."""

IN_A_GENERATED_ONE = ("last-line-cut", "header-only", "few-wrong-dates", "key-twice", "month-of-flow-missing",
                      "flow-of-another-year", "stays-without-patient", "persons-missing")  # fmt: skip
"""Faults of different kinds that are also done to a generated delivery, whose volumes and values are not so even."""

GENERATED_FILES = ("ER_PRS_F_2019", "ER_PHA_F_2019", "ER_CAM_F_2019", "ER_ETE_F_2019", "IR_BEN_R", "IR_IMB_R",
                   "T_MCO19A", "T_MCO19B", "T_MCO19C", "T_MCO19D", "T_MCO19UM", "T_MCO19E")  # fmt: skip
"""Those that the faults concern, and some beside: to check all of them would take a minute."""

Spoilt = Callable[[str, str], Path]


def write_ground(folder: Path) -> None:
    """The delivery that is spoilt: a good one, as the generator writes it, without the files that no fault concerns."""
    write_good_delivery(folder)
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("KI_", "IR_SPE", "IR_ACT", "ER_ETE", "T_MCO19E")) or "2018" in path.name:
            path.unlink()
        else:
            path.rename(path.with_name(path.name.upper()))


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The delivery as CSV and as Parquet, by extension."""
    folders = {CSV: tmp_path_factory.mktemp("csv"), PARQUET: tmp_path_factory.mktemp("parquet")}
    write_ground(folders[CSV])
    for path in folders[CSV].iterdir():
        as_text(path).write_parquet(folders[PARQUET] / f"{path.stem}{PARQUET}")
    return folders


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DeliveryReport]:
    """A generated delivery without traps, and what reception says of it."""
    made, folder = tmp_path_factory.mktemp("synth"), tmp_path_factory.mktemp("generated")
    generate(Scenario(persons=2_500, years=(2019, 2019), seed=4, traps={}), made)
    for name in GENERATED_FILES:
        os.link(made / DELIVERY / f"{name}{CSV}", folder / f"{name}{CSV}")
    return folder, checked(folder)


@pytest.fixture
def spoilt(grounds: dict[str, Path], tmp_path: Path) -> Spoilt:
    """Gives a copy of the delivery, of that extension, with that fault. Its files are links to the good ones."""

    def copied(name: str, extension: str) -> Path:
        return spoilt_links(grounds[extension], tmp_path / f"{len(list(tmp_path.iterdir()))}{extension}", name)

    return copied


def spoilt_links(ground: Path, folder: Path, name: str) -> Path:
    """A new folder of links to the files of a delivery, spoilt."""
    folder.mkdir()
    for file in ground.iterdir():
        os.link(file, folder / file.name)
    assert spoil(folder, name) is FAULTS[name]
    return folder


def as_text(path: Path) -> pl.DataFrame:
    """The rows of a delivered file, as text."""
    if path.suffix == PARQUET:
        return pl.read_parquet(path)
    return pl.read_csv(path, separator=";", infer_schema=False)


def checked(folder: Path) -> DeliveryReport:
    return check_delivery(Settings(delivery=folder, warehouse=folder.parent / "nothing"))


def tables_told(report: DeliveryReport, fault: Fault) -> list[str]:
    """The tables, or files, of which what must tell a fault says what it must."""
    if fault.told_by == UNCLAIMED:
        return list(report.unclaimed)
    if fault.told_by == REFUSED:
        return [label.split()[0] for label in report.errors]
    return [f.table for f in report.findings if (f.check, f.status.words) == (fault.told_by, fault.verdict)]


def assert_found(folder: Path, fault: Fault) -> None:
    report = checked(folder)
    told = tables_told(report, fault)
    assert any(table in fault.sentence for table in told), everything(report)
    assert report.verdict.words == fault.verdict, everything(report)


@pytest.mark.parametrize("extension", [CSV, PARQUET])
def test_the_ground_is_usable(grounds: dict[str, Path], extension: str):
    assert checked(grounds[extension]).verdict.words == "usable"


@pytest.mark.parametrize("name", FAULTS)
def test_reception_finds_a_fault(name: str, spoilt: Spoilt):
    assert_found(spoilt(name, CSV), FAULTS[name])


def test_of_the_generated_delivery_without_traps_reception_says_only_that_corrections_are_missing(
    generated: tuple[Path, DeliveryReport],
):
    _, report = generated
    told = [(finding.table, finding.check) for finding in report.findings if finding.status]
    assert told == [("ER_PRS_F", "negative_lines")], everything(report)
    assert (report.verdict.words, report.errors, report.unclaimed) == (RESERVES, {}, ())


@pytest.mark.parametrize("name", IN_A_GENERATED_ONE)
def test_reception_finds_a_fault_in_a_generated_delivery(
    name: str, generated: tuple[Path, DeliveryReport], tmp_path: Path
):
    ground, before = generated
    assert tables_told(before, FAULTS[name]) == []
    assert_found(spoilt_links(ground, tmp_path / "delivery", name), FAULTS[name])


@pytest.mark.parametrize("name", JUDGED_AS_PARQUET)
def test_reception_finds_a_fault_in_a_parquet_delivery(name: str, spoilt: Spoilt):
    assert_found(spoilt(name, PARQUET), FAULTS[name])


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in TEXT_ONLY | set(JUDGED_AS_PARQUET)])
def test_a_fault_concerns_the_same_rows_of_a_parquet_delivery(name: str, spoilt: Spoilt):
    of_csv, of_parquet = spoilt(name, CSV), spoilt(name, PARQUET)
    stems = [path.stem for path in sorted(of_csv.iterdir())]
    assert [path.stem for path in sorted(of_parquet.iterdir())] == stems
    for path in of_csv.glob(f"*{CSV}"):
        assert as_text(path).equals(as_text(of_parquet / f"{path.stem}{PARQUET}")), path.stem


@pytest.mark.parametrize("name", sorted(TEXT_ONLY))
def test_a_fault_of_text_files_is_refused_for_a_parquet_delivery(name: str, spoilt: Spoilt):
    with pytest.raises(SettingsError, match=r"is one of CSV files, and \w+\.parquet is none: write the delivery as"):
        spoilt(name, PARQUET)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_each_time_and_leaves_only_what_it_names(
    name: str, spoilt: Spoilt, grounds: dict[str, Path]
):
    before = contents(grounds[CSV])
    once, again = spoilt(name, CSV), spoilt(name, CSV)
    assert contents(once) == contents(again)
    assert contents(once) != before
    assert contents(grounds[CSV]) == before, "a link is replaced, never written through"
    assert [file for file in contents(once) if file.startswith(".")] == []


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_typed_parquet_delivery_is_spoilt_too(grounds: dict[str, Path], tmp_path: Path):
    for path in grounds[PARQUET].iterdir():
        rows = pl.read_parquet(path)
        day = [pl.col(c).str.to_date("%d/%m/%Y", strict=False) for c in ("FLX_DIS_DTD", "EXE_SOI_DTD") if c in rows]
        whole = [pl.col(c).cast(pl.Int64) for c in ("DCT_ORD_NUM", "PRS_NAT_REF") if c in rows.columns]
        rows.with_columns(*([] if path.stem.startswith("T_") else day), *whole).write_parquet(tmp_path / path.name)
    spoil(tmp_path, "month-of-flow-missing")
    left = pl.read_parquet(tmp_path / "ER_PHA_F_2019.parquet")
    assert left.schema["FLX_DIS_DTD"] == pl.Date, "a filter leaves the types as they are"
    assert 6 not in left["FLX_DIS_DTD"].dt.month().to_list()
    spoil(tmp_path, "rows-twice")
    spoil(tmp_path, "codes-outside")
    assert pl.read_parquet(tmp_path / "ER_PRS_F_2019.parquet").schema["PRS_NAT_REF"] == pl.String


def test_a_fault_that_does_not_exist_is_told_with_those_that_are_meant(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"There is no fault 'zero-lost'\. Did you mean zeros-lost.*--list-faults"):
        spoil(tmp_path, "zero-lost")
    with pytest.raises(SettingsError, match=r"There is no fault 'qqq'\. `snds-omop synth --list-faults`"):
        spoil(tmp_path, "qqq")


def test_a_delivery_without_the_table_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match="The delivery has no file of T_MCO_C, which this fault spoils"):
        spoil(tmp_path, "zeros-lost")


def test_a_delivery_without_the_column_is_told_and_left_as_it_is(tmp_path: Path):
    (tmp_path / "ER_PRS_F_2019.CSV").write_text("FLX_DIS_DTD;BEN_NIR_PSA\n2019-01-01;A\n")
    before = contents(tmp_path)
    with pytest.raises(SettingsError, match="no column PRS_NAT_REF, which the fault codes-outside spoils"):
        spoil(tmp_path, "codes-outside")
    assert contents(tmp_path) == before


def test_a_delivery_in_which_a_fault_could_not_be_found_is_told(tmp_path: Path):
    (tmp_path / "T_MCO19C.CSV").write_text("ETA_NUM;RSA_NUM;EXE_SOI_DTD\n750000001;7;2019-06-01\n")
    with pytest.raises(SettingsError, match=r"T_MCO19C\.CSV has no row that this fault could spoil"):
        spoil(tmp_path, "zeros-lost")
    with pytest.raises(SettingsError, match=r"T_MCO19C\.CSV has fewer than 200 rows a month"):
        spoil(tmp_path, "hole-in-stays")


def test_a_delivery_that_is_spoilt_already_is_told_without_its_values(spoilt: Spoilt):
    folder = spoilt("few-ragged-rows", CSV)
    with pytest.raises(SettingsError, match=r"ER_PHA_F_2019\.CSV cannot be read: it may be spoilt already") as told:
        spoil(folder, "many-details-without-parent")
    assert MARK not in str(told.value)
    folder = spoilt("gzip-cut", CSV)
    with pytest.raises(SettingsError, match=r"ER_PHA_F_2019\.CSV\.GZ is neither CSV nor Parquet"):
        spoil(folder, "few-ragged-rows")


def test_the_first_year_is_spoilt_or_the_last(tmp_path: Path):
    rows = "FLX_DIS_DTD\n{0}-06-01\n{0}-11-01\n"
    for year in (2018, 2019):
        (tmp_path / f"ER_PRS_F_{year}.CSV").write_text(rows.format(year))
    spoil(tmp_path, "month-of-flow-missing")
    spoil(tmp_path, "year-incomplete")
    assert (tmp_path / "ER_PRS_F_2018.CSV").read_text() == "FLX_DIS_DTD\n2018-11-01\n"
    assert (tmp_path / "ER_PRS_F_2019.CSV").read_text() == "FLX_DIS_DTD\n2019-06-01\n"


def test_dates_are_read_and_written_as_they_are(tmp_path: Path):
    dates = ["2020-02-29", "29/02/2020", "29FEB2020:00:00:00", "20200229", "29022020"]
    (tmp_path / "T_MCO19C.CSV").write_text("\n".join(["EXE_SOI_DTD;EXE_SOI_DTF", *(f"{d};{d}" for d in dates)]) + "\n")
    spoil(tmp_path, "pmsi-of-another-year")
    earlier = as_text(tmp_path / "T_MCO19C.CSV")["EXE_SOI_DTD"].to_list()
    assert earlier == ["2019-02-28", "28/02/2019", "28FEB2019:00:00:00", "20190228", "28022019"]


def test_quotes_stay_where_they_are_needed(tmp_path: Path):
    rows = ["ETA_NUM;RSA_NUM;SOC_RAI", '750990001;0000000001;"CLINIQUE ""LES PINS""; SUD"', "750990001;0000000002;"]
    (tmp_path / "T_MCO19C.CSV").write_text("\n".join(rows) + "\n")
    spoil(tmp_path, "zeros-lost")
    assert (tmp_path / "T_MCO19C.CSV").read_text() == "\n".join(rows).replace("000000000", "") + "\n"


def test_each_fault_says_what_was_done_and_what_must_tell_it():
    assert len(FAULTS) >= 30
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert fault.sentence.endswith(".")
        assert fault.verdict in (RESERVES, UNUSABLE)
        assert fault.told_by in (*CHECKS, REFUSED, UNCLAIMED)
