"""Giving received tables to a session: each under its SNDS name, with every column of its contract."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.reception.store import ReceivedTable, Store

Files = Mapping[str, Sequence[Path]]
"""The Parquet files of received tables, by the name of their contract."""


def received_tables(store: Store, names: Collection[str]) -> dict[str, ReceivedTable]:
    """The received tables of these names, those that there are, over all their years."""
    found = {name: store.table(official_tables()[name]) for name in names}
    return {name: table for name, table in found.items() if table is not None}


def files_of(tables: Mapping[str, ReceivedTable]) -> Files:
    """The Parquet files of received tables."""
    return {name: table.files for name, table in tables.items()}


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


def give_stored(session: Session, store: Store, names: Collection[str]) -> None:
    """`give_received` for the tables of a store, over all their years."""
    give_received(session, files_of(received_tables(store, names)), names)
