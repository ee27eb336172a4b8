"""Where things are and which choices a deployment makes. Nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snds_omop_assets.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[1]
DEMONSTRATION_DELIVERY = PROJECT / "data" / "delivery"

PUBLIC_ID_KEY = "snds_omop_assets demonstration"
"""The id key of the demonstration: public on purpose. A real warehouse sets its own SNDS_ID_KEY."""

WITHOUT = "none"
"""The word of SNDS_VOCABULARY for no download."""

SMALL_CELL = 11
"""Counts of persons below this are not shown (ATIH and CASD practice, see docs/architecture.md)."""


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
            SettingsError: SNDS_SMALL_CELL is not a positive whole number, or SNDS_CONTRACTS is no folder.
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
        )


def dagster_home_is_set() -> bool:
    """Whether runs are kept where the Dagster UI shows them."""
    return bool(os.environ.get("DAGSTER_HOME"))
