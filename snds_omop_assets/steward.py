"""What a data steward reads in the Dagster UI: columns with their meaning, small tables, plain error sentences."""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import CdmTable
from snds_omop_assets.contracts.pages import rules_of
from snds_omop_assets.contracts.snds_tables import DELIVERED, SOURCE_FILE, SOURCE_LINE, Column, SndsTable
from snds_omop_assets.errors import SndsOmopError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWNERS = ["team:snds-data-engineering"]


@contextmanager
def said_plainly() -> Iterator[None]:
    """Let a step fail with one sentence: the error's text becomes the description of a Dagster Failure."""
    try:
        yield
    except SndsOmopError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def snds_columns(table: SndsTable) -> dg.TableSchema:
    """The Columns panel of an SNDS table, from its contract."""
    columns = []
    for column in table.columns.values():
        columns.append(
            dg.TableColumn(
                column.name,
                column.type,
                description=_described(column),
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required,
                    unique=table.key == (column.name,),
                    other=_constraints(column, table),
                ),
            )
        )
        if column.source_value:
            columns.append(dg.TableColumn(column.name + DELIVERED, "text", f"{column.name} as it was delivered."))
    columns.append(dg.TableColumn(SOURCE_FILE, "text", "Delivered file that the row comes from."))
    columns.append(dg.TableColumn(SOURCE_LINE, "integer", "Line of the row in that file; the header is line 1."))
    return dg.TableSchema(columns)


def cdm_columns(table: CdmTable, rules: Mapping[str, str]) -> dg.TableSchema:
    """The Columns panel of a CDM table: the CDM's meaning of each field, then how the project fills it, if it does."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                field.name,
                field.type,
                description=f"{field.description}. {rules.get(field.name, '')}".strip(),
                constraints=dg.TableColumnConstraints(
                    nullable=not field.required,
                    unique=field.primary_key,
                    other=[
                        *([f"points to {field.reference.table}.{field.reference.field}"] if field.reference else []),
                        *([f"domain {field.domain}"] if field.domain else []),
                    ],
                ),
            )
            for field in table.fields
        ]
    )


def described_columns(columns: Mapping[str, tuple[pa.DataType, str]]) -> dg.TableSchema:
    """The Columns panel of a table that is the project's own: type and description by name."""
    return dg.TableSchema(
        [dg.TableColumn(name, str(kind), description) for name, (kind, description) in columns.items()]
    )


def table_of(columns: Mapping[str, type], rows: Iterable[Sequence[str | int | None]]) -> dg.TableMetadataValue:
    """A small table for the UI.

    Args:
        columns: int or str by column name, in order.
        rows: the values of each row, in the order of the columns.
    """
    schema = dg.TableSchema(
        [dg.TableColumn(name, "integer" if kind is int else "string") for name, kind in columns.items()]
    )
    records = [
        dg.TableRecord({name: "" if value is None else value for name, value in zip(columns, row, strict=True)})
        for row in rows
    ]
    return dg.MetadataValue.table(records, schema)


def picture(figure: "Figure", alternative: str) -> dg.MarkdownMetadataValue:
    """A matplotlib figure as metadata, with a text for those who do not see it."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=80, bbox_inches="tight")
    data = base64.b64encode(png.getvalue()).decode()
    return dg.MetadataValue.md(f"![{alternative}](data:image/png;base64,{data})")


def drawing(svg: str, alternative: str) -> dg.MarkdownMetadataValue:
    """A small SVG as metadata, with a text for those who do not see it."""
    data = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{alternative}](data:image/svg+xml;base64,{data})")


def _described(column: Column) -> str:
    """A column's label, and the meaning of its type; what else the contract says stands in the constraints."""
    parts = [f"{column.label}."] if column.label else []
    if column.kind.meaning != column.type or not parts:
        parts.append(column.kind.meaning[0].upper() + column.kind.meaning[1:] + ".")
    return " ".join(parts)


def _constraints(column: Column, table: SndsTable) -> list[str]:
    key = ["part of the key"] if column.name in table.key and len(table.key) > 1 else []
    return key + [rule for rule in rules_of(column) if not rule.startswith("required")]
