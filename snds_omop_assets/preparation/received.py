"""Giving received tables to a session: each under its SNDS name, with every column of its contract."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.sessions import Session

Files = Mapping[str, Sequence[Path]]
"""The Parquet files of received tables, by the name of their contract."""


def give_received(session: Session, files: Files, names: Collection[str]) -> None:
    """Make tables readable under their SNDS names (ER_PRS_F).

    A column that was not delivered is NULL, a table that was not received is empty: so a model needs no case for what a
    project was not allowed to have.

    Args:
        session: the engine.
        files: of one year, or of one month of flow.
        names: tables that the model reads.
    """
    for name in names:
        session.give_files(name, files.get(name, ()), official_tables()[name].schema)
