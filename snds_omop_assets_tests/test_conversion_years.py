"""A base that grows by a year equals one that is converted at once, and only what is touched is computed again."""

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.cdm_severities import severities
from snds_omop_assets.omop.conversion import Conversion, Made
from snds_omop_assets.quality.asset_checks import ASSET_CHECKS, VOCABULARY
from snds_omop_assets.quality.assets import years_to_judge
from snds_omop_assets.quality.ledger import WAITING, ledger
from snds_omop_assets.quality.passed_years import note_passed
from snds_omop_assets.run import years_to_convert
from snds_omop_assets.settings import Settings
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.scenario import Scenario
from snds_omop_assets_tests.conftest import KEY, RELEASED
from snds_omop_assets_tests.growing_base import (
    answer_codes,
    convert,
    differences,
    parts_of,
    without_year,
    years_made_again,
)

IDENTITIES = "prepared/person_identities.parquet"
FIRST, LAST = 2016, 2018
PERSONS = 200


@dataclass(frozen=True)
class Bases:
    """One delivery, what it was a year earlier, and warehouses of them.

    Attributes:
        delivery: the whole delivery.
        earlier: the delivery without its last year.
        at_once: warehouse of the whole delivery, converted at once.
        before: warehouse of the earlier delivery; tests copy it.
    """

    delivery: Path
    earlier: Path
    at_once: Path
    before: Path


def of(delivery: Path, warehouse: Path) -> Settings:
    return Settings(
        delivery, warehouse, id_key=KEY, small_cell=1, source_release_date=RELEASED, cdm_release_date=RELEASED
    )


def converted_again(made: list[Made]) -> set[str]:
    return {one.part for one in made if one.done}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    folder = tmp_path_factory.mktemp("years")
    generate(Scenario(persons=PERSONS, years=(FIRST, LAST), seed=3), folder / "made", "parquet")
    delivery = folder / "made" / "delivery"
    earlier = without_year(delivery, folder / "earlier", LAST, learnt_later=40)
    convert(of(delivery, folder / "at_once"))
    convert(of(earlier, folder / "before"))
    return Bases(delivery, earlier, folder / "at_once", folder / "before")


def moved_identifiers(bases: Bases) -> set[str]:
    """Pseudo-NIR of which an identifier is another person's, or nobody's, since the last year; or is new."""
    columns = ["BEN_NIR_PSA", "BEN_RNG_GEM", "person_id", "rule", "persons_of_psa"]
    before, after = (
        {tuple(row.values()) for row in pq.read_table(base / IDENTITIES, columns=columns).to_pylist()}
        for base in (bases.before, bases.at_once)
    )
    return {identifier[0] for identifier in before ^ after}


def told_again(bases: Bases) -> set[str]:
    """The years of care of which the last year brings something."""
    pieces = bases.at_once.glob(f"prepared/*/{LAST}/*/*")
    return {place.name for place in pieces if place.is_dir() and place.name.isdecimal()}


def touched(bases: Bases) -> set[str]:
    """These, and the years in which somebody was met under a pseudo-NIR that the last year changes."""
    files = sorted(bases.at_once.glob("prepared/*/*/persons/**/*.parquet"))
    met = pq.ParquetDataset(files).read(columns=["BEN_NIR_PSA", "first_day"])
    moved = met.filter(pc.is_in(met["BEN_NIR_PSA"], pa.array(moved_identifiers(bases))))
    return told_again(bases) | {str(year) for year in pc.unique(pc.year(moved["first_day"])).to_pylist()}


def test_a_base_that_grew_by_a_year_equals_one_converted_at_once(bases: Bases, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "grown"))
    assert differences(warehouse, bases.at_once), "the last year adds something"
    before = parts_of(warehouse)
    made = convert(of(bases.delivery, warehouse))
    assert differences(warehouse, bases.at_once) == {}
    assert told_again(bases) <= converted_again(made) <= {*touched(bases), "referentials"}
    assert years_made_again(before, parts_of(warehouse)) == converted_again(made)

    before = parts_of(warehouse)
    made = convert(of(bases.delivery, warehouse))
    assert converted_again(made) == set(), "the same files again touch nothing"
    assert parts_of(warehouse) == before
    assert differences(warehouse, bases.at_once) == {}


def test_the_last_year_joins_identifiers_of_the_years_before(bases: Bases) -> None:
    """Else the test above would not see whether that is done again."""
    assert len(moved_identifiers(bases)) > 1
    assert touched(bases) > {str(LAST)}


def test_only_the_year_that_was_lost_is_made_again(bases: Bases, tmp_path: Path) -> None:
    """A run that was killed while a year took its place leaves it without the note of what it was made of."""
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    before, year = parts_of(warehouse), str(LAST - 1)
    (warehouse / "prepared" / "care" / year / "made.json").unlink()
    made = convert(of(bases.earlier, warehouse))
    assert converted_again(made) == {year}
    assert years_made_again(before, parts_of(warehouse)) == {year}
    assert differences(warehouse, bases.before) == {}


def test_a_run_takes_the_years_that_changed_or_have_not_passed_their_checks(bases: Bases, tmp_path: Path) -> None:
    settings = of(bases.earlier, Path(shutil.copytree(bases.before, tmp_path / "warehouse")))
    care = settings.warehouse / "prepared" / "care"
    everything = Conversion.of_files(settings).care_years()
    assert Conversion.of_files(settings).changed() == []
    assert years_to_judge(settings) == everything == years_to_convert(settings), "nothing was judged yet"

    decided = severities(ASSET_CHECKS, VOCABULARY)
    note_passed(settings, decided, [FIRST])
    assert years_to_judge(settings) == [year for year in everything if year != FIRST]
    note_passed(settings, decided, None)
    assert years_to_judge(settings) == []
    assert years_to_convert(settings) == everything, "where nothing waits, a run judges all again"

    (care / str(LAST - 1) / "made.json").unlink()
    assert Conversion.of_files(settings).changed() == [LAST - 1] == years_to_convert(settings)
    Conversion.of_files(settings).make(LAST - 1)
    assert years_to_convert(settings) == [LAST - 1], "it was made again and not yet judged"
    (care / str(FIRST) / "passed.json").write_text("{", encoding="utf-8")
    assert years_to_convert(settings) == [FIRST, LAST - 1]


def test_other_rules_let_every_year_be_judged_again(bases: Bases, tmp_path: Path) -> None:
    settings = of(bases.earlier, Path(shutil.copytree(bases.before, tmp_path / "warehouse")))
    note_passed(settings, severities(ASSET_CHECKS, VOCABULARY), None)
    own = tmp_path / "contracts"
    own.mkdir()
    (own / "cdm_severities.csv").write_text(
        "check,table,severity,reason\nplausibility,cost,blocks,as a test\n", encoding="utf-8"
    )
    assert years_to_judge(settings) == []
    assert years_to_judge(replace(settings, contracts=own)) == Conversion.of_files(settings).care_years()


def test_some_years_are_converted_and_the_others_wait_in_the_ledger(bases: Bases, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(bases.at_once, tmp_path / "warehouse"))
    shutil.rmtree(warehouse / "omop")
    shutil.rmtree(warehouse / "prepared" / "care")
    settings = of(bases.delivery, warehouse)
    made = convert(settings, [LAST - 1, LAST])
    assert {one.part for one in made} == {str(LAST - 1), str(LAST), "referentials"}
    found = ledger(settings)
    assert found.pending == tuple(y for y in Conversion.of_files(settings).care_years() if y < LAST - 1)
    waiting = pc.sum(found.table.filter(pc.equal(found.table["rule"], WAITING))["row_count"]).as_py()
    assert waiting > 0

    made = convert(settings)
    assert converted_again(made) == {str(year) for year in found.pending}
    assert differences(settings.warehouse, bases.at_once) == {}


def test_a_corrected_flow_year_changes_the_years_that_it_tells(bases: Bases, tmp_path: Path) -> None:
    corrected = Path(shutil.copytree(bases.delivery, tmp_path / "corrected"))
    prestations = corrected / f"ER_PRS_F_{LAST}.parquet"
    rows = pq.read_table(prestations)
    keep = pc.not_equal(rows["PRS_NAT_REF"], "1111")
    assert 0 < rows.num_rows - pc.sum(keep).as_py() < rows.num_rows / 5
    prestations.unlink()
    pq.write_table(rows.filter(keep), prestations)

    warehouse = Path(shutil.copytree(bases.at_once, tmp_path / "warehouse"))
    made = convert(of(corrected, warehouse))
    assert str(LAST) in converted_again(made)
    assert differences(warehouse, bases.at_once)
    anew = Path(shutil.copytree(warehouse, tmp_path / "anew"))
    shutil.rmtree(anew / "omop")
    shutil.rmtree(anew / "prepared")
    convert(of(corrected, anew))
    assert differences(warehouse, anew) == {}


def test_another_answer_for_a_code_touches_the_years_that_have_it(bases: Bases, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    settings = of(bases.earlier, warehouse)
    path = warehouse / "vocabulary" / "code_map.parquet"
    for nomenclature in ("PRS_NAT_VISIT", "MS_PRV_V_ENT"):
        answers = pq.read_table(path)
        asked = pc.equal(answers["nomenclature"], nomenclature)
        place = answers.schema.get_field_index("target_concept_id")
        other = pc.if_else(asked, pc.add(answers["target_concept_id"], 1), answers["target_concept_id"])
        pq.write_table(answers.set_column(place, answers.schema.field(place), other), path)
        conversion = Conversion(settings, Conversion.of_files(settings).open_session)
        assert conversion.make(LAST - 1).done, nomenclature
        assert not conversion.make(LAST - 1).done
    answer_codes(settings)
    conversion = Conversion.of_files(settings)
    assert conversion.make(LAST - 1).done
    assert differences(warehouse, bases.before) == {}


def test_the_end_of_the_data_closes_long_term_diseases(bases: Bases, tmp_path: Path) -> None:
    """An end beyond the data is none: with another year of files it may be one."""
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    settings = of(bases.earlier, warehouse)
    assert not Conversion.of_files(settings).make_referentials().done
    bound = replace(settings, data_end=date(LAST - 2, 6, 30))
    assert Conversion.of_files(bound).make_referentials().done


def made_anew(settings: Settings, folder: Path) -> Path:
    """The warehouse of the same delivery and settings, converted at once."""
    anew = Path(shutil.copytree(settings.warehouse, folder))
    shutil.rmtree(anew / "omop")
    shutil.rmtree(anew / "prepared")
    convert(replace(settings, warehouse=anew))
    return anew


def test_another_key_of_the_ids_leaves_no_id_of_the_old_one(bases: Bases, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    settings = replace(of(bases.earlier, warehouse), id_key="the key of another project")
    convert(settings)
    assert differences(warehouse, made_anew(settings, tmp_path / "anew")) == {}


def test_a_twin_that_can_be_no_person_makes_the_stays_of_the_other_again(bases: Bases, tmp_path: Path) -> None:
    """Nobody knows any more whose they are."""
    met = pq.ParquetDataset(sorted(bases.before.glob("prepared/stays/*/persons/**/*.parquet"))).read(["BEN_NIR_PSA"])
    delivery = Path(shutil.copytree(bases.earlier, tmp_path / "delivery"))
    file = delivery / "IR_BEN_R.parquet"
    persons = pq.read_table(file)
    names = persons["BEN_NIR_PSA"].to_pylist()
    of_stays = min({name for name in met["BEN_NIR_PSA"].to_pylist() if names.count(name) == 1})
    (twin,) = persons.filter(pc.equal(persons["BEN_NIR_PSA"], of_stays)).to_pylist()
    another = {"BEN_RNG_GEM": "7", "BEN_NAI_ANN": "1600", "BEN_NIR_ANO": "9" * 17, "BEN_IDT_ANO": "8" * 17}
    for name, value in another.items():
        twin[name] = int(value) if pa.types.is_integer(persons.schema.field(name).type) else value
    file.unlink()
    pq.write_table(pa.concat_tables([persons, pa.Table.from_pylist([twin], persons.schema)]), file)

    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    settings = of(delivery, warehouse)
    assert converted_again(convert(settings)) > {"referentials"}
    assert differences(warehouse, made_anew(settings, tmp_path / "anew")) == {}


def test_a_year_whose_removal_was_interrupted_is_made_again(
    bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    conversion = Conversion.of_files(of(bases.earlier, warehouse))
    left = conversion.care_years()[:-1]
    gone = str(conversion.care_years()[-1])
    removed: list[Path] = []

    def remove(folder: Path, ignore_errors: bool = False) -> None:
        if removed:
            raise KeyboardInterrupt
        removed.append(folder)
        really(folder, ignore_errors=ignore_errors)

    really = shutil.rmtree
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Conversion, "care_years", lambda self: left)
        patched.setattr("snds_omop_assets.omop.conversion.shutil.rmtree", remove)
        conversion.forget()
    assert removed
    assert converted_again(convert(of(bases.earlier, warehouse))) == {gone}
    assert differences(warehouse, bases.before) == {}


def test_tables_of_a_year_that_was_interrupted_and_is_told_no_more_are_removed(bases: Bases, tmp_path: Path) -> None:
    warehouse = Path(shutil.copytree(bases.before, tmp_path / "warehouse"))
    visits = warehouse / "omop" / "visit_occurrence.parquet"
    shutil.copytree(visits / str(FIRST), visits / "1999")
    assert Conversion.of_files(of(bases.earlier, warehouse)).forget() == ["1999"]
    assert differences(warehouse, bases.before) == {}
