"""The command line as people and CI use it: real processes, their words and their exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snds_omop_assets.settings import PROJECT
from snds_omop_assets_tests.conftest import OMOP_FILES

pytestmark = pytest.mark.process

BIN = Path(sys.executable).parent


@pytest.fixture
def command(settings, tmp_path):
    """Runs a command of this environment in the project's folder; gives its exit code and all that it said."""
    environment = {
        **os.environ,
        "SNDS_DELIVERY": str(settings.delivery),
        "SNDS_WAREHOUSE": str(settings.warehouse),
        "DAGSTER_HOME": str(tmp_path / "dagster_home"),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    (tmp_path / "dagster_home").mkdir()
    (tmp_path / "dagster_home" / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())

    def run(*words, **more):
        program, variables = [str(BIN / words[0]), *words[1:]], {**environment, **more}
        answer = subprocess.run(program, env=variables, cwd=PROJECT, capture_output=True, text=True, check=False)
        return answer.returncode, answer.stdout + answer.stderr

    return run


def materialize(command, selection, *words, **more):
    return command("dagster", "asset", "materialize", "--select", selection, "-m", "snds_omop_assets", *words, **more)


def year(number):
    return "--partition", str(number)


def leftovers(warehouse):
    """Files of data; the log tells of the refusal."""
    return [path for path in warehouse.rglob("*") if path.is_file() and path.suffix != ".jsonl"]


def spoil_missing(folder):
    (folder / "IR_BEN_R.csv").unlink()


def spoil_column(folder):
    text = (folder / "IR_BEN_R.csv").read_text().replace("NUM_ENQ", "NUM_INCONNU", 1)
    (folder / "IR_BEN_R.csv").write_text(text)


def spoil_empty(folder):
    (folder / "IR_BEN_R.csv").write_bytes(b"")


def spoil_binary(folder):
    (folder / "IR_BEN_R.csv").write_bytes(b"PK\x03\x04\x14\x00\x00\x00" * 100)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_missing, r"IR_BEN_R is missing from the delivery .*: no file is named IR_BEN_R\.csv"),
        (spoil_column, r"IR_BEN_R\.csv lacks the required column BEN_NIR_PSA \(or NUM_ENQ\)"),
        (spoil_empty, r"IR_BEN_R\.csv is empty: not even a header line"),
        (spoil_binary, r"IR_BEN_R\.csv is not a text file"),
    ],
)
def test_a_spoilt_delivery_is_one_sentence_exit_code_1_and_nothing_half_written(
    command, delivery, settings, spoil, sentence
):
    spoil(delivery)
    code, said = materialize(command, 'key:"snds/ir_ben_r"')
    assert code == 1
    assert re.search(sentence, said)
    assert leftovers(settings.warehouse) == []


def test_snds_omop_run_says_the_sentence_without_a_stack_trace(command, delivery, settings):
    spoil_empty(delivery)
    code, said = command("snds-omop", "run", JAVA_HOME="/nowhere")
    assert code == 1
    assert "Error: IR_BEN_R.csv is empty" in said
    assert "Traceback" not in said
    assert not leftovers(settings.warehouse / "omop")


def test_without_java_provider_says_what_to_install(command, delivery):
    selection = '+key:"omop/provider"'
    code, said = materialize(command, selection, *year(2013), JAVA_HOME="/nowhere")
    assert code == 1
    assert "Spark needs Java and none was found. Install Java 17" in said


def test_java_too_old_is_said(command, tmp_path):
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    code, said = command("python", "-m", "snds_omop_assets.engines.java", JAVA_HOME=str(tmp_path))
    assert code == 1
    assert said.startswith("Spark needs Java 17 or later and this is Java 11. Install Java 17")


def test_one_table_and_its_sources_can_be_built_in_a_new_warehouse(command, delivery, settings):
    """PERSON may point to care sites and providers, which are not there yet."""
    code, said = materialize(command, '+key:"omop/person"', *year(2013))
    assert code == 0, said[-3000:]
    assert (settings.warehouse / "omop" / "person.csv").exists()
    assert not (settings.warehouse / "omop" / "care_site.sqlite").exists()


def test_what_was_received_can_be_prepared_without_the_delivery(command, delivery, settings):
    code, _ = materialize(command, 'key:"snds/ir_ben_r" or key:"snds/er_prs_f"', *year(2013))
    assert code == 0
    code, said = command("dg", "launch", "--assets", 'key:"prepared/beneficiaries"', SNDS_DELIVERY="/nowhere")
    assert code == 0, said[-3000:]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("dagster", "asset", "materialize", "--select", '+key:"omop/provider"', "--partition", "2013", "-m",
             "snds_omop_assets"),
            r"check 'structure' on 'omop/provider' did not pass|structure.*omop/provider.*fail",
        ),
        (
            ("snds-omop", "run"),
            r"FAILED: omop/provider structure: Failed: \w+ of provider.provider_name \(1 of \d+(?s:.*)Failed\.",
        ),
    ],
    ids=["dagster asset", "snds-omop run"],
)  # fmt: skip
def test_a_violated_check_of_the_cdm_makes_the_command_line_fail(command, delivery, words, sentence):
    """The CDM allows 255 characters for the name of a provider."""
    with (delivery / "IR_SPE_V.csv").open("a", encoding="utf-8") as file:
        file.write(f"98;{'x' * 256}\n")
    code, said = command(*words)
    assert code == 1
    assert re.search(sentence, said), said[-3000:]


def test_a_violated_check_of_reception_makes_the_command_line_fail(command, delivery):
    """Boxes of drugs whose lines of care were not delivered."""
    header, *lines = (delivery / "ER_PRS_F_2013.csv").read_text(encoding="utf-8").splitlines()
    without = [line for line in lines if ";3313;" not in line]
    assert len(without) == len(lines) - 3
    (delivery / "ER_PRS_F_2013.csv").write_text("\n".join([header, *without]) + "\n", encoding="utf-8")
    code, said = materialize(command, 'key:"snds/er_prs_f" or key:"snds/er_pha_f"', *year(2013))
    assert code == 1
    assert re.search(r"parents_exist' on 'snds/er_pha_f' did not pass|snds/er_pha_f: parents_exist", said), said[-3000:]


@pytest.mark.spark
@pytest.mark.parametrize(
    "words",
    [
        ("dagster", "asset", "materialize", "--select", "*", "--partition", "2013", "-m", "snds_omop_assets"),
        ("dg", "launch", "--assets", "*", "--partition", "2013"),
        ("snds-omop", "run"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_the_whole_demonstration_on_the_command_line(command, delivery, settings, words):
    code, said = command(*words)
    assert code == 0, said[-3000:]
    written = {path.name for path in (settings.warehouse / "omop").iterdir()}
    assert written == OMOP_FILES
    assert "DPXX" not in said, "a pseudonym was said"
    if words[0] == "snds-omop":
        assert re.search(r"omop/person +│ +│ +21", said)
        assert re.search(r"Checks: \d+ passed, 8 warned, 0 failed\.", said)
        assert str(settings.warehouse / "omop" / "person.csv") in said


def test_a_year_can_be_received_alone_and_a_range_in_one_run(command, delivery, settings):
    """The demonstration has files of 2013 only; the same files again cost nothing but their hashes."""
    code, said = materialize(command, 'key:"snds/er_prs_f" or key:"snds/er_pha_f"', "--partition-range", "2012...2014")
    assert code == 0, said[-3000:]
    assert "ER_PRS_F: the delivery has no file of 2012." in said
    assert [path.name for path in (settings.warehouse / "snds" / "er_prs_f").iterdir()] == ["2013"]
    code, _ = materialize(command, 'key:"snds/er_prs_f"', *year(2013))
    log = [json.loads(line) for line in (settings.warehouse / "logs" / "reception.jsonl").read_text().splitlines()]
    done = [line["event"] for line in log if line["table"] == "ER_PRS_F" and line["event"] != "verified"]
    assert (code, done) == (0, ["received", "unchanged"])
    assert all(line["seconds"] >= 0 for line in log if line["event"] != "verified")


def test_a_refusal_takes_away_the_report_that_is_no_longer_true(command, delivery, settings):
    """The report is a step after the tables, which Dagster skips when one of them fails."""
    report = settings.warehouse / "reception" / "delivery_report.html"
    assert command("snds-omop", "receive", str(delivery))[0] == 1
    assert report.exists()
    spoil_empty(delivery)
    code, said = materialize(command, 'key:"snds/ir_ben_r"')
    assert (code, "IR_BEN_R.csv is empty" in said, report.exists()) == (1, True, False)


def test_a_target_says_which_table_it_lacks(command, delivery):
    (delivery / "T_MCO13E.csv").unlink()
    code, said = materialize(command, 'key:"prepared/establishments"')
    assert code == 1
    assert re.search(r"prepared/establishments needs T_MCO_E, which is not in the warehouse: .*T_MCO13E\.csv", said)


def test_check_delivery_stores_nothing_and_its_exit_code_is_the_verdict(command, delivery, settings, tmp_path):
    code, said = command("snds-omop", "check-delivery", str(delivery), "--report", str(tmp_path / "report"))
    assert (code, "The delivery is usable with reserves." in said) == (1, True), said
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "delivery_report.html", "delivery_report.json"
    ]  # fmt: skip
    assert not settings.warehouse.exists()
    spoil_empty(delivery)
    code, said = command("snds-omop", "check-delivery", str(delivery))
    assert (code, "IR_BEN_R.csv is empty" in said, "Traceback" in said) == (2, True, False), said
    code, said = command("snds-omop", "check-delivery", str(tmp_path / "nowhere"))
    assert (code, "does not exist" in said, "Traceback" in said) == (2, True, False), said


def test_receive_stores_the_delivery_and_reports_on_it(command, delivery, settings):
    code, said = command("snds-omop", "receive", str(delivery), "--years", "2013-2014")
    assert (code, "The delivery is usable with reserves." in said) == (1, True), said[-3000:]
    assert (settings.warehouse / "snds" / "er_prs_f" / "2013" / "manifest.json").exists()
    assert (settings.warehouse / "reception" / "delivery_report.html").exists()
    assert not (settings.warehouse / "omop").exists()
    (delivery / "ER_PRS_F_2013.csv").write_text("A;B\n1;2\n")
    code, said = command("snds-omop", "receive", str(delivery))
    assert (code, "Traceback" in said) == (2, False), said[-3000:]
    assert "ER_PRS_F_2013.csv lacks the required column FLX_DIS_DTD" in re.sub(r"\s+", " ", said)
    code, said = command("snds-omop", "receive", str(delivery), "--years", "all")
    assert (code, "'all' is no year and no range of years" in said) == (2, True), said


def test_the_docs_pages_are_written_from_the_contracts(command, tmp_path):
    code, said = command("snds-omop", "docs", str(tmp_path / "tables"))
    assert (code, said.startswith("233 pages")) == (0, True)
    page = (tmp_path / "tables" / "er_prs_f.md").read_text()
    assert "| FLX_DIS_DTD | date | Date de mise à disposition des données | required" in page


def test_a_delivery_of_some_tables_only_is_received_without_the_others(command, delivery, settings):
    for name in ("IR_BEN_R.csv", "T_MCO13E.csv", "IR_SPE_V.csv", "IR_ACT_V.csv"):
        (delivery / name).unlink()
    code, said = command("snds-omop", "receive", str(delivery))
    assert (code, "The delivery is usable with reserves." in said) == (1, True), said[-3000:]
    assert "IR_BEN_R" in said, "that there are no beneficiaries to compare with"


def test_a_folder_without_any_table_is_no_usable_delivery(command, settings):
    code, said = command("snds-omop", "check-delivery", str(settings.delivery))
    assert (code, "has the name of an SNDS table" in re.sub(r"\s+", " ", said)) == (2, True), said
