"""The mutation test of the reception: each fault is told with the right verdict, and no harmless variation is."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from markupsafe import Markup

from snds_omop_assets.contracts.contract_files import default_thresholds, layouts
from snds_omop_assets.reception import report as report_module
from snds_omop_assets.reception.deliveries import check_delivery, open_settings_delivery, receive_delivery
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.receive import receive
from snds_omop_assets.reception.report import DeliveryReport, as_html, as_json
from snds_omop_assets.reception.store import Store
from snds_omop_assets.reception.verification import CHECKS
from snds_omop_assets.settings import Settings
from snds_omop_assets_tests.good_delivery import MARK, good_files, write_good_delivery
from snds_omop_assets_tests.mutations import (
    BEGIN,
    ERROR,
    FAULTS,
    PAGE,
    UNCLAIMED,
    VARIATIONS,
    Mutation,
    table,
    told_on_page,
)

Check = Callable[[Mutation], DeliveryReport]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """One DuckDB for all checks, and no plots: to start hundreds of them takes most of the time."""
    with duckdb.connect(":memory:") as shared, pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", lambda *_, **__: shared.cursor())
        patch.setattr(report_module, "_bars", lambda *_: Markup())
        yield


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_good_delivery(folder)
    return folder


@pytest.fixture(scope="module")
def warehouse(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that has received the good delivery."""
    settings = Settings(delivery=good, warehouse=tmp_path_factory.mktemp("warehouse"))
    received = receive_delivery(open_settings_delivery(settings), Store(settings.warehouse))
    assert not received.errors
    return settings.warehouse


@pytest.fixture
def check(good: Path, warehouse: Path, tmp_path: Path) -> Check:
    """Makes a copy of the good delivery, changes it, checks it."""

    def copied(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in good.iterdir():
            os.link(file, folder / file.name)
        return folder

    def checked(mutation: Mutation) -> DeliveryReport:
        known = warehouse if mutation.compared else tmp_path / "nothing"
        if mutation.before is not None:
            before = Settings(delivery=copied("before"), warehouse=known)
            mutation.before(before.delivery)
            receive(open_settings_delivery(before), mutation.table, 2019, Store(known))
        settings = Settings(delivery=copied("delivery"), warehouse=known)
        mutation.apply(settings.delivery)

        def on_table(label: str, rows: int) -> None:
            if mutation.during is not None and rows and label.startswith(mutation.table):
                mutation.during(settings.delivery)

        return check_delivery(settings, on_table=on_table)

    return checked


def test_the_good_delivery_is_usable_and_nothing_is_found_by_any_check(check: Check):
    report = check(Mutation("good", "", lambda _: None))
    assert_usable(report)
    assert {finding.check for finding in report.findings} == CHECKS.keys(), "every check has looked at it"
    assert len({receipt.table for receipt in report.receipts}) == len(good_files()) - 1, "ER_PRS_F has two years"


@pytest.mark.parametrize("mutation", FAULTS, ids=lambda mutation: mutation.name)
def test_a_fault_is_told_with_its_verdict(mutation: Mutation, check: Check):
    report = check(mutation)
    told = sentences(report, mutation)
    assert told, f"{mutation.told_by} says nothing; told is {everything(report)}"
    assert any(re.search(mutation.says, sentence) for sentence in told), told
    assert report.verdict is mutation.verdict, everything(report)
    elsewhere = {finding.table for finding in report.findings if finding.status is Status.UNUSABLE}
    elsewhere |= {label.split()[0] for label in report.errors}
    expected = {mutation.table, *mutation.also} if mutation.verdict is Status.UNUSABLE else set()
    assert elsewhere == expected, everything(report)
    tells_of_nobody(report)


@pytest.mark.parametrize("mutation", VARIATIONS, ids=lambda mutation: mutation.name)
def test_a_harmless_variation_raises_no_alarm(mutation: Mutation, check: Check):
    report = check(mutation)
    assert_usable(report)
    assert {(r.table, r.stored) for r in report.receipts} >= {("IR_BEN_R", 400), ("T_MCO_C", 2640), ("T_MCO_E", 6)}
    tells_of_nobody(report)


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(FAULTS) >= 45
    assert len(VARIATIONS) >= 20
    assert len({one.name for one in (*FAULTS, *VARIATIONS)}) == len(FAULTS) + len(VARIATIONS)
    assert {one.told_by for one in FAULTS} <= {*CHECKS, ERROR, UNCLAIMED}


def test_every_check_that_depends_on_the_delivery_tells_a_fault():
    """`has_rows` and `rows_are_accounted` cannot fail after a reception that went well: they judge the store."""
    assert {*CHECKS} - {one.told_by for one in FAULTS} == {"has_rows", "rows_are_accounted"}


def test_the_table_of_the_docs_is_that_of_the_code():
    assert told_on_page() == table(), "run python -m snds_omop_assets_tests.mutations"


def test_the_page_names_every_check_and_every_threshold():
    page = PAGE.read_text(encoding="utf-8").split(BEGIN)[0]
    assert [name for name in (*CHECKS, *default_thresholds()) if f"`{name}`" not in page] == []


def test_the_contract_that_the_page_shows_is_one(tmp_path: Path):
    (tmp_path / "ours.yaml").write_text(
        re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    )
    tables = layouts(tmp_path)["official"].tables
    assert tables["ER_PRS_F"].columns["PRE_PRE_DTD"].format == "yyyymmdd"
    assert "PRS_HOS_DTD" not in tables["ER_PRS_F"].columns
    assert tables["ER_PRS_F"].thresholds["negative_lines"] == 0.2
    assert tables["T_MCO_E"].reading.encoding == "cp1252"
    assert tables["COHORTE"].key == ("NUM_ENQ",)


def sentences(report: DeliveryReport, mutation: Mutation) -> list[str]:
    """What is said of a fault by what must tell it, about the table that has it."""
    if mutation.told_by == UNCLAIMED:
        return [", ".join(report.unclaimed)] if report.unclaimed else []
    if mutation.told_by == ERROR:
        return [said for label, said in report.errors.items() if label.split()[0] == mutation.table]
    return [
        finding.sentence
        for finding in report.findings
        if (finding.check, finding.table) == (mutation.told_by, mutation.table) and finding.status is mutation.verdict
    ]


def everything(report: DeliveryReport) -> list[object]:
    """All that is wrong, for a failed test."""
    found = [(f.status.words, f.check, f.table, f.sentence) for f in report.findings if f.status]
    return [*found, report.errors, report.unclaimed]


def assert_usable(report: DeliveryReport) -> None:
    assert report.verdict is Status.USABLE, everything(report)
    assert everything(report) == [{}, ()]


def tells_of_nobody(report: DeliveryReport) -> None:
    assert MARK not in as_json(report)
    assert MARK not in as_html(report, {})
