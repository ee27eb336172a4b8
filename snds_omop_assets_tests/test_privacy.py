"""Pseudonyms are personal data: no log, no event, no metadata, no error, no file name has one."""

import shutil

import dagster as dg
import pytest

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.run_report.dagster_events import summary_of_instance
from snds_omop_assets.run_report.report import write_run_report
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings

PERSONAL = ("DPXX", "1963-12", "A1B2C3D4E")


@pytest.fixture
def spoilt(tmp_path):
    """The demonstration with faults in every private column of two tables."""
    delivery = tmp_path / "delivery"
    shutil.copytree(DEMONSTRATION_DELIVERY, delivery)
    with (delivery / "IR_BEN_R.csv").open("a") as file:
        file.write(
            "DPXX:SECRETX;00;DPXX:0000000000000000009X;DPXX:0000000000000000009X;DPXX:0000000000000000009X;075;114;01C751000;DPXX:0000000000000000009X;DPXX:0000000000000000009X;DPXX:0000000000000000009X\n"
        )
        file.write(
            "DPXX:SECRETX;00;1963;DPXX:0000000000000000009X;DPXX:0000000000000000009X;075;114;01C751000;DPXX:0000000000000000009X;DPXX:0000000000000000009X;DPXX:0000000000000000009X\n"
        )
        file.write("DPXX:SHORTX;00\n")
    good = (delivery / "ER_PRS_F_2013.csv").read_text().splitlines()[1].split(";")
    with (delivery / "ER_PRS_F_2013.csv").open("a") as file:
        file.write(";".join(["DPXX:0000000000000000009X"] * 27) + "\n")
        file.write(
            ";".join([*good[:7], "99", good[8], "DPXX:0000000000000000009X", *["DPXX:0000000000000000009X"] * 17])
            + "\n"
        )
    return Settings(delivery=delivery, warehouse=tmp_path / "warehouse", id_key="k")


@pytest.mark.spark
def test_a_run_over_spoilt_data_tells_of_no_person(spoilt, capfd):
    with dg.instance_for_test() as instance:
        job = build_defs(spoilt).resolve_job_def("everything")
        result = job.execute_in_process(instance=instance, raise_on_error=False, partition_key="2013")
        assert result.success
        log = instance.all_logs(result.run_id)
        graph = build_defs(spoilt).resolve_asset_graph()
        keys, checks = sorted(graph.materializable_asset_keys), sorted(graph.asset_check_keys)
        summary, at = summary_of_instance(instance, keys, checks, spoilt.warehouse)
    write_run_report(summary, spoilt, at, from_instance=True)
    told = "\n".join([str(entry) for entry in log] + list(capfd.readouterr()))
    assert "ASSET_MATERIALIZATION" in told
    assert "does not parse as month" in told
    assert [word for word in PERSONAL if word in told] == []
    for path in spoilt.warehouse.rglob("*"):
        assert not any(word in path.name for word in PERSONAL)
    written = [path for path in spoilt.warehouse.rglob("*") if path.suffix in (".csv", ".json", ".jsonl", ".html")]
    told = [path for path in written if path.parent.name != "omop"]
    assert {path.name for path in told} >= {
        "quarantine.csv",
        "manifest.json",
        "made.json",
        "reception.jsonl",
        "conversion.jsonl",
        "delivery_report.html",
        "coverage_report.html",
        "run_report.html",
        "run_report.json",
    }
    for path in told:
        assert not [word for word in PERSONAL if word in path.read_text()], path.name


def test_an_error_of_the_checks_on_write_shows_no_value(stored, settings, maps):
    """A birth year that PERSON cannot have (NULL) reaches the Pandera schema of the CDM."""
    from snds_omop_assets.errors import ContractError
    from snds_omop_assets.omop.person import person_table
    from snds_omop_assets.preparation.identities import PERSONS
    from snds_omop_assets.preparation.shapes import schema_of

    rows = [{"person_key": "DPXX:1X", "person_source_value": "DPXX:" + "9" * 60}]
    with pytest.raises(ContractError) as refusal:
        list(person_table(stored("beneficiaries", schema_of(PERSONS), rows), maps, settings).frames)
    assert "year_of_birth" in str(refusal.value)
    assert "DPXX" not in str(refusal.value)
