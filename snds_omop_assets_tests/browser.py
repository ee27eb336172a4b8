"""A real webserver and a real headless Chromium, for the tests of the UI and for the pictures of the README."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from playwright.sync_api import Page, sync_playwright

from snds_omop_assets.reception.deliveries import receive_delivery
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import run
from snds_omop_assets.run_report.report import write_run_report
from snds_omop_assets.settings import PROJECT, Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets.vocabulary import base
from snds_omop_assets_tests.made_covering_vocabulary import covering_vocabulary
from snds_omop_assets_tests.made_vocabulary import vocabulary_of_codes

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

START_SECONDS = 90


def chromium() -> str | None:
    """The path of Debian's Chromium, if it is installed."""
    return shutil.which("chromium")


@contextmanager
def webserver(dagster_home: Path, warehouse: Path) -> Iterator[str]:
    """Dagster's webserver on a free port of the loopback address; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    program = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(dagster_home), "SNDS_WAREHOUSE": str(warehouse)}
    log = (dagster_home / "webserver.log").open("w")
    with log, subprocess.Popen(
        [*program, "-w", "workspace.yaml"], cwd=PROJECT, env=environment, stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            _wait_for(f"{address}/server_info", process)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    raise RuntimeError(f"the webserver did not answer on {address} within {START_SECONDS} s")


@contextmanager
def browser_page(width: int = 1500, height: int = 900) -> Iterator[Page]:
    """A page of a headless Chromium that has never been used before."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def take_pictures(address: str, folder: Path) -> None:
    """The pictures of the README."""
    with browser_page(1500, 900) as page:
        page.goto(f"{address}/assets/omop/visit_occurrence?view=lineage&lineageScope=upstream&lineageDepth=2")
        page.get_by_text("claims", exact=True).first.wait_for()
        page.wait_for_timeout(3000)
        page.screenshot(path=folder / "lineage.png")
        page.set_viewport_size({"width": 1300, "height": 900})
        page.goto(f"{address}/assets/omop/person")
        page.get_by_text("gender_concept_id").first.wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=folder / "person.png")
        page.set_viewport_size({"width": 1300, "height": 760})
        page.goto((PROJECT / "warehouse" / "reception" / "delivery_report.html").as_uri())
        page.screenshot(path=folder / "report.png")


def take_picture_of_coverage(folder: Path) -> None:
    """The coverage report of a thousand invented persons: without a download, then with a made-up one."""
    with tempfile.TemporaryDirectory() as name, browser_page(1300, 900) as page:
        made = Path(name)
        generate(Scenario(persons=1_000, years=(2018, 2019)), made / "made", "parquet")
        settings = Settings(made / "made" / "delivery", made / "warehouse")
        receive_delivery(open_delivery(settings.delivery), Store(settings.warehouse))
        base.report_coverage(settings)
        codes = base.codes_of(settings, base.maps_of(settings)).to_pylist()
        met = [(row["nomenclature"], row["code"]) for row in codes if row["rows"]]
        download = vocabulary_of_codes(met).write(made / "athena")
        report = base.report_coverage(replace(settings, vocabulary=download))
        page.goto(report.html.as_uri())
        page.screenshot(path=folder / "coverage.png")


def take_picture_of_run_report(folder: Path) -> None:
    """The report over a run of a thousand invented persons whose codes all have a concept."""
    with tempfile.TemporaryDirectory() as name, browser_page(1300, 1500) as page:
        made = Path(name)
        generate(Scenario(persons=1_000, years=(2018, 2019)), made / "synthetic", "parquet")
        vocabulary, maps = covering_vocabulary().write(made / "vocabulary")
        delivery = made / "synthetic" / "delivery"
        settings = Settings(delivery, made / "warehouse", vocabulary=vocabulary, maps=maps)
        with mock.patch.dict(os.environ):
            os.environ.pop("DAGSTER_HOME", None)  # it is none of the demonstration's runs
            html, _ = write_run_report(run(settings), settings)
        page.goto(html.as_uri())
        page.screenshot(path=folder / "run_report.png")


if __name__ == "__main__":
    take_picture_of_run_report(PROJECT / "docs" / "images")
    take_picture_of_coverage(PROJECT / "docs" / "images")
    with webserver(Path(os.environ["DAGSTER_HOME"]), PROJECT / "warehouse") as at:
        take_pictures(at, PROJECT / "docs" / "images")
