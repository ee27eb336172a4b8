"""Whole synthetic deliveries: always the same, received without a loss, with the traps that were asked for only."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from snds_omop_assets.cli import main
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.contracts.snds_tables import SOURCE_FILE, SOURCE_LINE
from snds_omop_assets.errors import SettingsError
from snds_omop_assets.io_managers.aside import PARTIAL
from snds_omop_assets.reception.deliveries import check_delivery
from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.receive import receive
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.faults import FAULTS
from snds_omop_assets.synthetic.generate import DELIVERY, SUMMARY, TRUTH, Made, generate
from snds_omop_assets.synthetic.rows import rules
from snds_omop_assets.synthetic.scenario import BLOCK, Scenario, read_scenario, traps
from snds_omop_assets.synthetic.writing import Format
from snds_omop_assets_tests.test_mutations import everything, quick

__all__ = ["quick"]  # makes the checks quick, on its own

ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_IO_THREADS", "OPENBLAS_NUM_THREADS")

SPECIFIED = {
    *("ER_PRS_F", "ER_PHA_F", "ER_CAM_F", "ER_BIO_F", "ER_TIP_F", "ER_UCD_F", "ER_ETE_F"),
    *("IR_BEN_R", "IR_BEN_R_ARC", "IR_IMB_R", "KI_CCI_R", "KI_ECD_R"),
    *("IR_PHA_R", "IR_NAT_V", "IR_SPE_V", "IR_ACT_V", "IR_CET_V"),
    *(f"T_MCO_{name}" for name in ("A", "B", "C", "D", "E", "UM", "MED", "MEDATU", "MEDTHROMBO", "DMIP")),
    *(f"T_MCO_{name}" for name in ("CSTC", "FBSTC", "FCSTC", "FHSTC", "FLSTC", "FMSTC", "FPSTC")),
    *(f"T_SSR_{name}" for name in ("B", "C", "D", "E", "CCAM", "CSARR", "MED", "MEDATU", "CSTC", "FLSTC", "FMSTC")),
    *(f"T_HAD_{name}" for name in ("A", "B", "C", "D", "E", "DMPA", "DMPP", "MED", "MEDATU", "MEDCHL")),
    *(f"T_RIP_{name}" for name in ("C", "E", "RSA", "CCAM")),
}  # fmt: skip
"""The tables that the Health Data Hub's specification of the conversion reads."""

IN_HOSPITAL = {"during_stays": 20, "home_hospitalisation": 6, "acute_stays": 4, "external_care": 2, "hip_fracture": 3}
"""What is rare in hospitals, often enough for few persons."""

WITHOUT_TRAPS = {
    "visit", "event", "accessory_line", "person", "long_term_disease", "death", "same_diagnosis", "same_visit",
    "visit_detail", "older_state", "also_in_pmsi", "no_care_contact", "accessory_without_visit",
    "no_long_term_disease", "unmatched_death",
}  # fmt: skip
"""The rules that rows end by where nothing is there to stumble over."""


def digests(folder: Path) -> dict[str, str]:
    """What each file holds, by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def delivered(folder: Path, *patterns: str) -> pl.DataFrame:
    """The rows of some delivered files, as they are."""
    files = sorted(path for pattern in patterns for path in (folder / DELIVERY).glob(f"{pattern}.*"))
    assert files, patterns
    frames = [pl.read_parquet(path) if path.suffix == ".parquet" else
              pl.read_csv(path, separator=";", infer_schema=False) for path in files]  # fmt: skip
    return pl.concat(frames, how="diagonal")


# --- the same each time -----------------------------------------------------------------------------------------------


@pytest.mark.process
@pytest.mark.parametrize(("persons", "form"), [(BLOCK + 2_000, "csv"), (500, "parquet")])
def test_a_scenario_gives_the_same_bytes_with_one_thread_as_with_many(persons: int, form: Format, tmp_path: Path):
    program = (
        "from pathlib import Path; from snds_omop_assets.synthetic.generate import generate; "
        "from snds_omop_assets.synthetic.scenario import Scenario; "
        f"generate(Scenario(persons={persons}, years=(2017, 2017), seed=5), Path('once'), {form!r})"
    )
    variables = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONHASHSEED": "3"}
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=variables) as process:
        generate(Scenario(persons=persons, years=(2017, 2017), seed=5), tmp_path / "again", form)
        assert process.wait() == 0
    once, again = digests(tmp_path / "once"), digests(tmp_path / "again")
    assert {name for name in once.keys() | again.keys() if once.get(name) != again.get(name)} == set()
    assert {Path(name).parts[0] for name in once} == {DELIVERY, TRUTH, SUMMARY}


def test_another_seed_gives_other_people(tmp_path: Path):
    known = [pseudonyms(seed, tmp_path) for seed in (1, 2)]
    assert min(map(len, known)) > 400
    assert known[0] & known[1] == set()


def pseudonyms(seed: int, folder: Path) -> set[str]:
    generate(Scenario(persons=300, years=(2018, 2018), seed=seed), folder / str(seed))
    rows = delivered(folder / str(seed), "IR_BEN_R", "IR_BEN_R_ARC", "ER_PRS_F_2018")
    return set(pl.concat([rows["BEN_NIR_PSA"], rows["BEN_NIR_ANO"]]).drop_nulls().to_list())


# --- received ---------------------------------------------------------------------------------------------------------


def test_csv_and_parquet_hold_the_same_values(tmp_path: Path):
    shares = {trap.name: trap.share for trap in traps().values() if trap.name != "codes_with_decimals"}
    scenario = Scenario(persons=600, years=(2019, 2019), seed=2, traps=shares)
    of_csv, of_parquet = (stored(scenario, form, tmp_path / form) for form in ("csv", "parquet"))
    for table, rows in of_csv.items():
        assert rows.height > 20, table
        assert rows.schema == of_parquet[table].schema, table
        assert rows.equals(of_parquet[table]), table


def stored(scenario: Scenario, form: Format, folder: Path) -> dict[str, pl.DataFrame]:
    """What reception makes of three tables."""
    generate(scenario, folder, form)
    delivery, store = open_delivery(folder / DELIVERY), Store(folder / "warehouse")
    found = {}
    for name, year in (("ER_PRS_F", 2019), ("T_MCO_C", 2019), ("IR_BEN_R", None)):
        assert receive(delivery, name, year, store).receipt.rejects == {}
        table = store.table(delivery.table(name))
        assert table is not None
        rows = pl.concat([pl.read_parquet(file) for file in table.files])
        found[name] = rows.sort(SOURCE_LINE).drop(SOURCE_FILE, SOURCE_LINE)
    return found


def test_every_table_is_there_and_received_without_a_loss(tmp_path: Path):
    scenario = Scenario(persons=1_500, years=(2016, 2018), seed=7, pathways=IN_HOSPITAL)
    assert scenario.traps.keys() == traps().keys()
    generate(scenario, tmp_path / "made")
    report = check_delivery(Settings(delivery=tmp_path / "made" / DELIVERY, warehouse=tmp_path / "nothing"))
    assert (report.errors, report.unclaimed) == ({}, ())
    assert report.verdict is not Status.UNUSABLE, everything(report)
    lost = [(receipt.table, receipt.year, receipt.rejects) for receipt in report.receipts if receipt.rejects]
    assert lost == []
    assert {receipt.table for receipt in report.receipts if receipt.stored} >= SPECIFIED
    assert official_tables().keys() >= SPECIFIED


# --- the command line -------------------------------------------------------------------------------------------------


def synth(*words: object) -> Result:
    return CliRunner().invoke(main, ["synth", *map(str, words)])


def test_the_command_writes_a_delivery_its_truth_and_what_was_made(tmp_path: Path):
    out = tmp_path / "made"
    answer = synth("--persons", 50, "--years", 2019, "--seed", 3, "--out", out, "--format", "parquet")
    assert answer.exit_code == 0, answer.output
    assert "50 persons, 2019-2019, seed 3" in answer.output
    assert sorted(path.name for path in out.iterdir()) == [DELIVERY, SUMMARY, TRUTH]
    told = json.loads((out / SUMMARY).read_text())
    scenario = Scenario(persons=50, years=(2019, 2019), seed=3)
    assert told["scenario"] == {
        "persons": 50, "years": [2019, 2019], "seed": 3, "lines": scenario.lines, "traps": dict(scenario.traps),
        "pathways": {},
    }  # fmt: skip
    assert told["rows"] == {path.name: pl.read_parquet(path).height for path in (out / DELIVERY).iterdir()}
    assert told["traps"].keys() == traps().keys()
    assert {path.name for path in (out / TRUTH).iterdir()} >= {
        "persons.parquet", "identifiers.parquet", "visits.parquet", "events.parquet", "deaths.parquet", "rows",
    }  # fmt: skip


def test_the_command_lists_scenarios_traps_and_faults():
    answer = synth("--list")
    assert answer.exit_code == 0
    assert "hundred-thousand, million, plain, thousand" in answer.output
    assert all(f"{name}: " in answer.output for name in traps())
    answer = synth("--list-faults")
    assert answer.exit_code == 0
    assert all(f"{name}: " in answer.output for name in FAULTS)


def test_the_command_spoils_as_asked(tmp_path: Path):
    words = ("--persons", 50, "--years", 2019, "--out")
    assert synth(*words, tmp_path / "good").exit_code == 0
    answer = synth(*words, tmp_path / "bad", "--fault", "no-header", "--fault", "file-of-no-table")
    assert answer.exit_code == 0, answer.output
    assert "Fault no-header: IR_BEN_R begins with its first row" in answer.output.replace("\n", " ")
    good, bad = digests(tmp_path / "good"), digests(tmp_path / "bad")
    spoilt = {"delivery/IR_BEN_R.CSV", "delivery/LISEZ_MOI.PDF"}
    assert {name for name in bad if bad[name] != good.get(name)} == {*spoilt, SUMMARY}
    assert json.loads((tmp_path / "bad" / SUMMARY).read_text())["faults"] == ["no-header", "file-of-no-table"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--scenario", "huge"), "There is no scenario 'huge'"),
        (("--scenario", "unknown-trap.yaml"), "There is no trap 'no_such_trap'"),
        (("--fault", "no-such-fault"), "There is no fault 'no-such-fault'"),
        (("--years", 1990), "The years 1990-1990 cannot be made"),
        (("--years", "2019-2018"), "The years 2019-2018 cannot be made"),
        (("--years", "twenty"), "'twenty' is no value for years"),
        (("--persons", 0), "0 persons cannot be made"),
    ],
)
def test_what_cannot_be_made_is_one_sentence_exit_code_2_and_no_file(
    words: tuple[object, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("unknown-trap.yaml").write_text("persons: 20\ntraps: {no_such_trap: 0.5}\n")
    answer = synth("--persons", 20, "--out", "made", *words)
    assert answer.exit_code == 2, answer.output
    assert sentence in answer.output
    assert [path.name for path in tmp_path.iterdir()] == ["unknown-trap.yaml"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    answer = synth("--persons", 20, "--out", tmp_path / "file" / "made")
    assert answer.exit_code == 2
    assert "cannot be written" in answer.output.replace("\n", " ")
    assert "Traceback" not in answer.output


def test_a_folder_that_holds_something_is_refused_and_left_as_it_is(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    answer = synth("--persons", 20, "--out", tmp_path)
    assert answer.exit_code == 2
    assert "is not empty: give a new folder" in " ".join(answer.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.process
def test_a_run_that_is_killed_leaves_no_file_under_its_name(tmp_path: Path):
    program = (
        "import sys, time; from pathlib import Path; from snds_omop_assets.synthetic import scenario; "
        "from snds_omop_assets.synthetic.generate import generate; scenario.BLOCK = 200; "
        "generate(scenario.Scenario(persons=400), Path('made'), 'csv', "
        "lambda done, of: (print(done, flush=True), time.sleep(60)))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"200\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    left = [path for path in (tmp_path / "made").rglob("*") if path.is_file()]
    assert len(left) > 50
    assert [path for path in left if not (path.name.startswith(".") and path.name.endswith(PARTIAL))] == []
    with pytest.raises(SettingsError, match="is not empty"):
        generate(Scenario(persons=10), tmp_path / "made")


# --- traps ------------------------------------------------------------------------------------------------------------


def test_without_traps_none_is_set_and_no_row_ends_by_one(tmp_path: Path):
    scenario = read_scenario("plain")
    assert scenario.traps == {}
    made = generate(scenario, tmp_path / "made", "parquet")
    assert {name: count for name, count in made.traps.items() if count} == {}
    told = json.loads((tmp_path / "made" / SUMMARY).read_text())
    assert {name: count for name, count in told["traps"].items() if count} == {}
    ended = ended_by(tmp_path / "made", "*")
    assert set(ended) <= WITHOUT_TRAPS, set(ended) - WITHOUT_TRAPS
    assert {rules()[name].bucket for name in ended} == {"loaded", "filtered"}
    assert ended == {name: count for name, count in made.rules.items() if count}


def ended_by(folder: Path, *patterns: str) -> dict[str, int]:
    """How many rows of some tables end by each rule, as their truth says."""
    files = sorted({path for pattern in patterns for path in (folder / TRUTH / "rows").glob(f"{pattern}.parquet")})
    found = pl.concat([pl.read_parquet(path, columns=["rule"])["rule"].cast(pl.String) for path in files])
    return dict(found.value_counts().iter_rows())


Count = Callable[[Path], int]
"""How often a trap is seen in what was written."""

CHAINED = ("T_???[0-9][0-9]C", "T_???[0-9][0-9]CSTC")
"""The tables with one row per stay, or episode of external care, of a year."""

PERSONS, OFTEN = 400, 0.3
"""So many persons; a trap that is rarer is set this often."""


def ended(name: str, *patterns: str) -> Count:
    """The rows of some tables that end by a rule."""
    return lambda folder: ended_by(folder, *patterns).get(name, 0)


def told_why(folder: Path, name: str) -> int:
    """The identifiers that the truth explains so."""
    return pl.read_parquet(folder / TRUTH / "identifiers.parquet").filter(pl.col("why") == name).height


def of_persons(chosen: pl.Expr) -> Count:
    """The persons of the truth."""
    return lambda folder: pl.read_parquet(folder / TRUTH / "persons.parquet").filter(chosen).height


def rows_with(chosen: pl.Expr, *patterns: str) -> Count:
    """The delivered rows."""
    return lambda folder: delivered(folder, *patterns).filter(chosen).height


def same_sex_twins(folder: Path) -> int:
    persons = pl.read_parquet(folder / TRUTH / "persons.parquet")
    pairs = persons.join(persons, left_on="twin", right_on="person", suffix="_of_twin")
    return pairs.filter((pl.col("sex") == pl.col("sex_of_twin")) & (pl.col("twin") < pl.col("person"))).height


def nulls(folder: Path) -> int:
    some = rows_with(pl.col("DPN_QLF").is_null(), "ER_PRS_F_*")(folder)
    some += rows_with(pl.col("ETE_IND_TAA").is_null() | pl.col("ETE_MCO_DDP").is_null(), "ER_ETE_F_*")(folder)
    return some + rows_with(pl.col("SEJ_TYP").is_null(), "T_MCO*B")(folder)


def drugs_of_several_stays(folder: Path) -> int:
    files = [path for field in ("MCO", "HAD") for path in (folder / DELIVERY).glob(f"T_{field}??MED.parquet")]
    named = [(file, "NBR_SEJ" if "MCO" in file.name else "SEJ_NBR") for file in files]
    return sum((pl.read_parquet(file, columns=[name])[name] > 1).sum() for file, name in named)


def columns_with_decimals(folder: Path) -> int:
    """Columns of codes of a file, as CSV."""
    codes = ("_COD", "_TOP", "_QLF", "_QLP", "_TAA", "_NAT", "_SEC", "_PHA", "_TYP", "_MTF", "_GEM")
    files = [delivered(folder, path.stem) for path in (folder / DELIVERY).iterdir()]
    return sum(rows[name].str.contains(r"^\d+\.0$").any() for rows in files for name in rows.columns
               if name.endswith(codes))  # fmt: skip


NOBODY = "00000000"
DELAY = (pl.col("FLX_TRT_DTD") - pl.col("EXE_SOI_DTF")).dt.total_days()

SEEN: dict[str, Count] = {
    **{name: partial(told_why, name=name) for name in (
        "several_identifiers", "provisional_nir", "provisional_unlinked", "change_of_scheme", "nir_ano_missing",
        "fictitious_nir", "absent_from_referential", "archived",
    )},
    "same_sex_twins": same_sex_twins,
    "sex_unknown": of_persons(pl.col("sex").is_in([0, 9])),
    "birth_year_unknown": of_persons(pl.col("why_not") == "birth_year_unknown"),
    "commune_unknown": rows_with(pl.col("BEN_RES_COM") == "999", "IR_BEN_R", "IR_BEN_R_ARC"),
    "dummy_pseudonym": ended("dummy_identifier", *CHAINED),
    "return_codes": ended("return_code", *CHAINED),
    "grouping_errors": ended("grouping_error", *CHAINED),
    "inter_hospital_acts": ended("inter_hospital_act", *CHAINED),
    "duplicate_transmissions": ended("duplicate_transmission", *CHAINED),
    "repeated_weeks": ended("repeated_week", "T_SSR*B"),
    "letters_in_numbers": rows_with(pl.col("RSA_NUM").str.contains("^[A-Z]"), "T_MCO*B"),
    "expensive_drugs_repeated": drugs_of_several_stays,
    **dict.fromkeys(("regularised", "cancelled"), rows_with(pl.col("PRS_ACT_QTE") < 0, "ER_PRS_F_*")),
    "information_lines": ended("information_line", "ER_PRS_F_*"),
    "participation_lines": rows_with(pl.col("CPL_AFF_COD") == "16", "ER_PRS_F_*"),
    "supplement_lines": rows_with(pl.col("CPL_MAJ_TOP") == "2", "ER_PRS_F_*"),
    "public_external_care": rows_with(pl.col("ETE_IND_TAA") == "1", "ER_ETE_F_*"),
    "nulls_in_filters": nulls,
    "codes_with_decimals": columns_with_decimals,
    "late_claims": rows_with(pl.lit(180) < DELAY, "ER_PRS_F_*"),
    "unknown_dates": rows_with((pl.col("PRE_PRE_DTD").dt.year() == 1600) & (pl.col("PFS_PRE_NUM") != NOBODY),
                               "ER_PRS_F_*"),
    "deconditioned_packs": rows_with(pl.col("PHA_DEC_TOP") == "1", "ER_PHA_F_*"),
}  # fmt: skip
"""How traps are seen that strike persons, rows, or stays of which each has a row. Of the others (diagnosis_extensions,
specialties_not_given and those of corrections) it is only seen that the delivery is another one."""

BESIDE = {
    "older_states": {"archived": OFTEN},
    "cancelled_later": {"regularised": OFTEN},
    "cancelled_without_site": {"regularised": 1.0},
}
"""Traps that strike what another one makes: older rows of a person, corrections."""

MORE: dict[str, dict[str, Any]] = {
    "same_sex_twins": {"persons": 1_200},
    "cancelled_without_site": {"persons": 1_200},
    "expensive_drugs_repeated": {"persons": 1_200, "pathways": {"during_stays": 40, "home_hospitalisation": 6}},
    "repeated_weeks": {"persons": 1_200, "years": (2016, 2017), "pathways": {"hip_fracture": 30}},
}
"""What traps need that strike few: more persons; expensive drugs; weeks of rehabilitation around New Year."""

Ground = Callable[[str], dict[str, str]]


def with_trap(name: str, on: bool = True) -> Scenario:
    """A small delivery with one trap, or without it, and with those that it needs."""
    often = 1.0 if name in MORE else max(traps()[name].share, OFTEN)
    shares = {**BESIDE.get(name, {}), **({name: often} if on else {})}
    return Scenario(**{"persons": PERSONS, "years": (2017, 2017), "seed": 7, "traps": shares, **MORE.get(name, {})})


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What the files of the delivery of a trap hold where the trap is off."""
    known: dict[str, dict[str, str]] = {}

    def found(name: str) -> dict[str, str]:
        scenario = with_trap(name, on=False)
        key = repr((scenario, form_of(name)))
        if key not in known:
            folder = tmp_path_factory.mktemp("without") / "made"
            generate(scenario, folder, form_of(name))
            known[key] = digests(folder / DELIVERY)
        return known[key]

    return found


def form_of(name: str) -> Format:
    return "csv" if name == "codes_with_decimals" else "parquet"


def made_with(name: str, folder: Path) -> Made:
    return generate(with_trap(name), folder, form_of(name))


@pytest.mark.parametrize("name", traps())
def test_a_trap_is_set_counted_and_seen(name: str, tmp_path: Path, without: Ground):
    made = made_with(name, tmp_path / "made")
    assert made.traps[name] > 0
    assert digests(tmp_path / "made" / DELIVERY) != without(name), "it leaves its traces in the delivery"
    others = {
        other: count for other, count in made.traps.items() if count and other not in {name, *BESIDE.get(name, {})}
    }
    assert others == {}
    if name in SEEN:
        assert made.traps[name] == SEEN[name](tmp_path / "made")


@pytest.mark.parametrize("name", BESIDE)
def test_a_trap_that_strikes_what_another_makes_is_never_set_alone(name: str, tmp_path: Path):
    alone = {name: 1.0}
    made = generate(Scenario(persons=PERSONS, years=(2017, 2017), traps=alone), tmp_path / "made", "parquet")
    assert made.traps[name] == 0
