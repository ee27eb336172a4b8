"""A whole delivery with its truth: people, lives, files. `generate` is what `snds-omop synth` does."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from snds_omop_assets.errors import SettingsError, StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.synthetic.beneficiaries import beneficiary_rows, disease_rows
from snds_omop_assets.synthetic.care import PATHWAYS, background
from snds_omop_assets.synthetic.dcir import dcir_rows
from snds_omop_assets.synthetic.deaths import death_rows
from snds_omop_assets.synthetic.faults import fault, spoil
from snds_omop_assets.synthetic.lives import Lives
from snds_omop_assets.synthetic.pmsi.external import external_rows
from snds_omop_assets.synthetic.pmsi.had import had_rows
from snds_omop_assets.synthetic.pmsi.mco import mco_rows
from snds_omop_assets.synthetic.pmsi.psychiatry import psychiatry_rows
from snds_omop_assets.synthetic.pmsi.ssr import ssr_rows
from snds_omop_assets.synthetic.population import make_people
from snds_omop_assets.synthetic.referentials import referential_rows
from snds_omop_assets.synthetic.rows import SourceRows, rules
from snds_omop_assets.synthetic.scenario import Block, Scenario
from snds_omop_assets.synthetic.settle import Settled, settle
from snds_omop_assets.synthetic.truth import Delivered, truth_tables
from snds_omop_assets.synthetic.world import World, make_world
from snds_omop_assets.synthetic.writing import DeliveryWriter, Format

DELIVERY, TRUTH, SUMMARY = "delivery", "truth", "synth.json"


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes:
        scenario: from what.
        rows: rows by file.
        traps: how often each trap was set.
        rules: how many rows end by each rule (rules.csv), before any fault.
        faults: which were done to the delivery.
    """

    scenario: Scenario
    rows: Mapping[str, int]
    traps: Mapping[str, int]
    rules: Mapping[str, int]
    faults: Sequence[str]


def generate(
    scenario: Scenario,
    folder: Path,
    form: Format = "csv",
    progress: Callable[[int, int], None] | None = None,
    faults: Sequence[str] = (),
) -> Made:
    """Write a delivery into `folder`/delivery and its truth into `folder`/truth.

    The same scenario gives the same bytes on any machine with the same versions of the libraries. Files appear when
    all are whole. Memory does not grow with the number of persons.

    Args:
        scenario: what to make.
        folder: must be empty, or not exist, so that nothing of another delivery stays in it.
        form: csv or parquet.
        progress: called with the number of persons made and of all.
        faults: names of faults that the delivery has in the end (synthetic.faults); the truth does not know of them.

    Raises:
        StoreError: the folder cannot be written: a full disk, a missing right.
        SettingsError: the folder holds something, the scenario names a pathway that does not exist, or there is no such
            fault, or this delivery has not what it needs.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SettingsError(f"{folder} is no folder: give a new one.")
    if any(path.is_file() for path in folder.rglob("*")):
        raise SettingsError(f"{folder} is not empty: give a new folder, so that two deliveries are never mixed.")
    for name in faults:
        fault(name)  # before anything is written
    if unknown := set(scenario.pathways) - set(PATHWAYS):
        raise SettingsError(f"There is no pathway {min(unknown)!r}; there are: {', '.join(PATHWAYS)}.")
    try:
        return _written(scenario, folder, form, progress, faults)
    except OSError as error:
        why = error.strerror or "the disk fails"
        raise StoreError(f"{folder} cannot be written ({why}): make room there, or give another folder.") from None


def _written(
    scenario: Scenario, folder: Path, form: Format, progress: Callable[[int, int], None] | None, faults: Sequence[str]
) -> Made:
    """Block after block of people, then the faults, then the summary."""
    world = make_world(scenario)
    traps, ended = Counter(dict.fromkeys(scenario.traps, 0)), Counter(dict.fromkeys(rules(), 0))
    with DeliveryWriter(folder, form, scenario.seed, scenario.trap("codes_with_decimals")) as writer:
        writer.write(referential_rows(world))
        for block in scenario.blocks:
            settled = live(block, world)
            delivered = Delivered()
            for rows in source_rows(settled):
                writer.write([delivered.take(rows)])
            for name, table in truth_tables(settled, delivered):
                writer.write_truth(name, table)
            traps.update(settled.lives.counts)
            ended.update(delivered.rules)
            if progress is not None:
                progress(block.first + block.persons, scenario.persons)
    traps["codes_with_decimals"] += len(writer.with_decimals)
    try:
        for name in faults:
            spoil(folder / DELIVERY, name)
    except SettingsError:  # a fault that this delivery cannot have: nothing is left that looks whole
        for part in (DELIVERY, TRUTH):
            shutil.rmtree(folder / part)
        raise
    made = Made(scenario, dict(sorted(writer.rows.items())), dict(traps), dict(ended), tuple(faults))
    with written_aside(folder / SUMMARY) as path:
        path.write_text(json.dumps(asdict(made), indent=1, default=dict) + "\n", encoding="utf-8")
    return made


def live(block: Block, world: World) -> Settled:
    """The lives of a block: pathways, then background care, then made consistent."""
    lives = Lives(block, world, make_people(block, world))
    for name, pathway in PATHWAYS.items():
        if block.scenario.frequency(name) > 0:
            pathway(lives, block.chance(name))
    background.live(lives, block.chance("background"))
    return settle(lives)


def source_rows(settled: Settled) -> Iterator[SourceRows]:
    """Every row of a block, table by table."""
    yield from beneficiary_rows(settled)
    yield from disease_rows(settled)
    yield from death_rows(settled)
    for rows_of_product in (mco_rows, external_rows, ssr_rows, had_rows, psychiatry_rows):
        yield from rows_of_product(settled)
    yield from dcir_rows(settled)
