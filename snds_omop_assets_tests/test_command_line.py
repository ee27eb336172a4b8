"""The command line as people and CI use it: real processes, their words and their exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snds_omop_assets.settings import PROJECT

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


def materialize(command, selection, **more):
    return command("dagster", "asset", "materialize", "--select", selection, "-m", "snds_omop_assets", **more)


def leftovers(warehouse):
    return [path for path in warehouse.rglob("*") if path.is_file()] if warehouse.exists() else []


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
    code, said = materialize(command, selection, JAVA_HOME="/nowhere")
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
    code, said = materialize(command, '+key:"omop/person"')
    assert code == 0, said[-3000:]
    assert (settings.warehouse / "omop" / "person.csv").exists()
    assert not (settings.warehouse / "omop" / "care_site.sqlite").exists()


def test_what_was_received_can_be_prepared_without_the_delivery(command, delivery, settings):
    code, _ = materialize(command, 'key:"snds/ir_ben_r" or key:"snds/er_prs_f"')
    assert code == 0
    code, said = command("dg", "launch", "--assets", 'key:"prepared/beneficiaries"', SNDS_DELIVERY="/nowhere")
    assert code == 0, said[-3000:]


def test_a_violated_check_makes_the_command_line_fail(command, delivery):
    """The CDM allows 255 characters for the name of a care site."""
    with (delivery / "T_MCO13E.csv").open("a", encoding="utf-8") as file:
        file.write(f"330009990;{'x' * 256};2013\n")
    code, said = materialize(command, '+key:"omop/care_site"')
    assert code == 1
    assert re.search(r"check 'structure' on 'omop/care_site' did not pass|structure.*omop/care_site.*fail", said), said[
        -3000:
    ]


@pytest.mark.spark
@pytest.mark.parametrize(
    "words",
    [
        ("dagster", "asset", "materialize", "--select", "*", "-m", "snds_omop_assets"),
        ("dg", "launch", "--assets", "*"),
        ("snds-omop", "run"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_the_whole_demonstration_on_the_command_line(command, delivery, settings, words):
    code, said = command(*words)
    assert code == 0, said[-3000:]
    written = {path.name for path in (settings.warehouse / "omop").iterdir()}
    assert written == {"person.csv", "care_site.sqlite", "provider.parquet", "location.parquet"}
    assert "DPXX" not in said, "a pseudonym was said"
    if words[0] == "snds-omop":
        assert re.search(r"omop/person +│ +21", said)
        assert "Checks: 38 passed, 1 warned, 0 failed." in said
        assert str(settings.warehouse / "omop" / "person.csv") in said
