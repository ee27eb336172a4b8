"""Where things are and which choices a deployment makes. Nothing else reads the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from snds_omop_assets.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[1]
DEMONSTRATION_DELIVERY = PROJECT / "data" / "delivery"

PUBLIC_ID_KEY = "snds_omop_assets demonstration"
"""The id key of the demonstration: public on purpose. A real warehouse sets its own SNDS_ID_KEY."""

WITHOUT = "none"
"""The word of SNDS_VOCABULARY for no download."""

DUCKDB, SPARK = "duckdb", "spark"
ENGINES = (DUCKDB, SPARK)
"""The words of SNDS_ENGINE."""

SPARK_MASTER = "local[*]"
"""Spark inside this process, on all cores."""

SPARK_MASTERS = re.compile(
    r"local|local\[(\*|[1-9]\d*)\]|yarn"
    r"|spark://[^\s/:,]+:\d+(,[^\s/:,]+:\d+)*"
    r"|k8s://\S+"
    r"|sc://[^\s/:]+(:\d+)?(/\S*)?"
)
MEMORY = re.compile(r"([1-9]\d*)\s*(MB|GB|TB)", re.IGNORECASE)

SMALL_CELL = 11
"""Counts of persons below this are not shown (ATIH and CASD practice, see docs/architecture.md)."""


CDM_THRESHOLDS, CDM_SEVERITIES = "cdm_thresholds.csv", "cdm_severities.csv"
"""In the folder of SNDS_CONTRACTS."""


@dataclass(frozen=True)
class Settings:
    """The settings of one deployment.

    Attributes:
        delivery: folder of the delivered files (SNDS_DELIVERY; default: the demonstration).
        warehouse: folder of everything that is written (SNDS_WAREHOUSE; default: `warehouse` in the current folder).
        layout: name of the layout of the delivery (SNDS_LAYOUT; default: recognised from the files).
        contracts: folder of the project's own contracts, YAML files that override the package's (SNDS_CONTRACTS).
        vocabulary: an Athena download, folder or zip (SNDS_VOCABULARY; default: what the warehouse has loaded, else the
            concepts of the project's own maps).
        without_vocabulary: take the concepts of the project's own maps, whatever the warehouse has loaded
            (SNDS_VOCABULARY=none).
        maps: folder of the user's own maps from French codes to concepts, which win (SNDS_MAPS).
        id_key: secret text mixed into every id, so that the ids of two warehouses cannot be linked (SNDS_ID_KEY).
        small_cell: counts of persons below this are hidden (SNDS_SMALL_CELL; default 11, and 1 for the invented
            persons of the demonstration).
        engine: what runs the SQL of the conversion, `duckdb` or `spark` (SNDS_ENGINE; default `duckdb`).
        spark_master: where Spark runs, in the words of Spark: `local[4]`, `spark://host:7077`, `yarn`, `k8s://...`; or
            `sc://host:15002`, a Spark Connect server (SNDS_SPARK_MASTER; default: this machine, all its cores).
        memory: how much the engine may take, as `8GB`: DuckDB's limit; the heap of Spark's driver and of each of its
            executors (SNDS_MEMORY; default: what the engine takes by itself).
        data_start, data_end: first and last day that the base tells, as 2018-01-01 (SNDS_DATA_START, SNDS_DATA_END;
            default: 1 January of the first and 31 December of the last year of the delivered files).
        source_release_date: day of the extraction that was delivered, for CDM_SOURCE
            (SNDS_SOURCE_RELEASE_DATE; default: the day on which the last file was received).
        cdm_release_date: day of the release of the base, for CDM_SOURCE and METADATA
            (SNDS_CDM_RELEASE_DATE; default: the day of the conversion).
        holder: who holds the base, for CDM_SOURCE (SNDS_HOLDER).
    """

    delivery: Path
    warehouse: Path
    layout: str | None = None
    contracts: Path | None = None
    vocabulary: Path | None = None
    without_vocabulary: bool = False
    maps: Path | None = None
    id_key: str = field(default=PUBLIC_ID_KEY, repr=False)
    small_cell: int = SMALL_CELL
    engine: str = DUCKDB
    spark_master: str = SPARK_MASTER
    memory: str | None = None
    data_start: date | None = None
    data_end: date | None = None
    source_release_date: date | None = None
    cdm_release_date: date | None = None
    holder: str = "not said"

    @property
    def cdm_thresholds(self) -> Path | None:
        """The project's own thresholds of OHDSI's checks (`check_rules`); None where its contracts have none."""
        return self._own_contract(CDM_THRESHOLDS)

    @property
    def cdm_severities(self) -> Path | None:
        """The project's own choice of which asset checks block (`severities`); None where its contracts have none."""
        return self._own_contract(CDM_SEVERITIES)

    def _own_contract(self, name: str) -> Path | None:
        file = None if self.contracts is None else self.contracts / name
        return file if file is not None and file.is_file() else None

    @property
    def spill(self) -> Path:
        """Folder where engines put what does not fit into memory."""
        return self.warehouse / ".spill"

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, given: Mapping[str, str] | None = None
    ) -> "Settings":
        """Read the settings from environment variables.

        Args:
            environment: the variables; None takes the process's.
            given: values that win over the environment, by variable; an empty text is no value.

        Raises:
            SettingsError: SNDS_SMALL_CELL is not a positive whole number, SNDS_CONTRACTS is no folder, or SNDS_ENGINE,
                SNDS_SPARK_MASTER, SNDS_MEMORY or one of the four days says nothing that is known.
        """
        env = {**(os.environ if environment is None else environment)}
        env |= {name: value for name, value in (given or {}).items() if value}
        delivery = Path(env.get("SNDS_DELIVERY") or DEMONSTRATION_DELIVERY).resolve()
        invented = delivery == DEMONSTRATION_DELIVERY
        small_cell = env.get("SNDS_SMALL_CELL") or str(1 if invented else SMALL_CELL)
        if not small_cell.isdecimal() or int(small_cell) < 1:
            raise SettingsError(f"SNDS_SMALL_CELL is {small_cell!r}: give a whole number of persons, 1 or more.")
        vocabulary = env.get("SNDS_VOCABULARY") or ""
        contracts = Path(env["SNDS_CONTRACTS"]).resolve() if env.get("SNDS_CONTRACTS") else None
        if contracts is not None and not contracts.is_dir():
            raise SettingsError(
                f"SNDS_CONTRACTS is {contracts}, which is no folder: give the folder of the YAML files."
            )
        return cls(
            delivery=delivery,
            warehouse=Path(env.get("SNDS_WAREHOUSE") or "warehouse").resolve(),
            layout=env.get("SNDS_LAYOUT") or None,
            contracts=contracts,
            vocabulary=Path(vocabulary).resolve() if vocabulary not in ("", WITHOUT) else None,
            without_vocabulary=vocabulary == WITHOUT,
            maps=Path(env["SNDS_MAPS"]).resolve() if env.get("SNDS_MAPS") else None,
            id_key=env.get("SNDS_ID_KEY") or PUBLIC_ID_KEY,
            small_cell=int(small_cell),
            engine=_engine(env.get("SNDS_ENGINE") or DUCKDB),
            spark_master=_spark_master(env.get("SNDS_SPARK_MASTER") or SPARK_MASTER),
            memory=_memory(env["SNDS_MEMORY"]) if env.get("SNDS_MEMORY") else None,
            data_start=_day(env, "SNDS_DATA_START"),
            data_end=_day(env, "SNDS_DATA_END"),
            source_release_date=_day(env, "SNDS_SOURCE_RELEASE_DATE"),
            cdm_release_date=_day(env, "SNDS_CDM_RELEASE_DATE"),
            holder=env.get("SNDS_HOLDER") or "not said",
        )


def _day(environment: Mapping[str, str], variable: str) -> date | None:
    word = environment.get(variable)
    try:
        return date.fromisoformat(word) if word else None
    except ValueError:
        raise SettingsError(f"{variable} is {word!r}: write a day as 2018-01-01.") from None


def _engine(word: str) -> str:
    if word.lower() not in ENGINES:
        raise SettingsError(f"SNDS_ENGINE is {word!r}: write {' or '.join(ENGINES)}.")
    return word.lower()


def _spark_master(word: str) -> str:
    if SPARK_MASTERS.fullmatch(word) is None:
        raise SettingsError(
            f"SNDS_SPARK_MASTER is {word!r}: write local[4], spark://host:7077, yarn, k8s://host:port or sc://host:15002."
        )
    return word


def _memory(word: str) -> str:
    """As `8GB`, however it was spelled."""
    found = MEMORY.fullmatch(word.strip())
    if found is None:
        raise SettingsError(f"SNDS_MEMORY is {word!r}: write a whole number and MB, GB or TB, as 8GB.")
    return found.group(1) + found.group(2).upper()


def dagster_home_is_set() -> bool:
    """Whether runs are kept where the Dagster UI shows them."""
    return bool(os.environ.get("DAGSTER_HOME"))
