"""The docs page of each SNDS table, in Markdown, written from its contract: `snds-omop docs FOLDER`."""

from collections.abc import Mapping
from pathlib import Path

from snds_omop_assets.contracts.nomenclatures import known_codes
from snds_omop_assets.contracts.snds_tables import Column, SndsTable

INDEX = "index.md"


def table_page(table: SndsTable) -> str:
    """The page of one table: what a row is, how its files are found, its key and parent, and every column."""
    lines = [
        f"# {table.name}",
        "",
        f"**{table.title}.** {table.about}",
        "",
        f"- Product: {table.product}; asset `{'/'.join(table.asset_key)}`",
        f"- Files: `{table.file_name()}` and the like (any case; .csv, .txt, .csv.gz, in a .zip, .parquet, .sas7bdat)",
    ]
    if table.key:
        lines.append(f"- Key: {', '.join(table.key)}")
    if table.parent:
        kind = "exactly one row for each row of" if table.one_to_one else "rows belong to rows of"
        lines.append(f"- {kind.capitalize()} {table.parent}, joined on {', '.join(table.link)}")
    if table.month:
        lines.append(f"- Volumes are followed by month of {table.month}")
    lines += ["", "| column | type | label | how it is received |", "|---|---|---|---|"]
    lines += [_row(column) for column in table.columns.values()]
    return "\n".join(lines) + "\n"


def write_pages(tables: Mapping[str, SndsTable], folder: Path) -> int:
    """Write a page per table and an index; returns how many pages there are."""
    folder.mkdir(parents=True, exist_ok=True)
    index = ["# SNDS tables", "", "| table | product | title | columns |", "|---|---|---|---|"]
    for name, table in sorted(tables.items()):
        page = f"{name.lower()}.md"
        (folder / page).write_text(table_page(table), encoding="utf-8")
        index.append(f"| [{name}]({page}) | {table.product} | {table.title} | {len(table.columns)} |")
    (folder / INDEX).write_text("\n".join(index) + "\n", encoding="utf-8")
    return len(tables)


def _row(column: Column) -> str:
    cells = (column.name, column.type, column.label, "; ".join(rules_of(column)))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def rules_of(column: Column) -> list[str]:
    """What the contract says of a column beside its type, in words."""
    known = known_codes().get(column.nomenclature or "")
    since = f"{column.since or '?'} to {column.until or 'now'}"
    rules = (
        (column.required, "required: a row without it is set aside"),
        (column.aliases, f"also delivered as {', '.join(column.aliases)}"),
        (column.nomenclature, f"codes of {column.nomenclature}" + (f" ({len(known)} known)" if known else "")),
        (column.missing, f"not given: {', '.join(sorted(column.missing))}"),
        (column.width, f"padded to {column.width} characters"),
        (column.pattern, f"looks like `{column.pattern}`"),
        (column.minimum is not None, f"at least {column.minimum}"),
        (column.maximum is not None, f"at most {column.maximum}"),
        (column.not_before, f"not before {column.not_before}"),
        (column.format, f"written {column.format}"),
        (column.source_value, "the delivered text is kept"),
        (column.values_are_private, "personal: values are never shown"),
        (column.length, f"length {column.length}"),
        (column.since or column.until, since),
    )
    return [words for said, words in rules if said]
