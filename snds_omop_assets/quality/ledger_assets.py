"""The asset `quality/ledger` and its check: every delivered row ends by exactly one rule, or nothing is released."""

from collections import Counter

import dagster as dg

from snds_omop_assets.quality.ledger import LEDGER, Ledger, ledger, ledger_rules
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import OWNERS, described_columns, said_plainly, table_of
from snds_omop_assets.tables import Frames, frame_of

KEY = dg.AssetKey(["quality", "ledger"])
BUCKETS = ("loaded", "netted", "duplicate", "filtered", "quarantined", "waiting", "unused")


def ledger_assets(counted: list[dg.AssetKey]) -> tuple[dg.AssetsDefinition, dg.AssetChecksDefinition]:
    """The asset of the ledger and its check.

    Args:
        counted: the assets whose steps count rows.
    """

    @dg.asset(
        key=KEY,
        group_name="quality",
        kinds={"duckdb", "parquet"},
        owners=OWNERS,
        io_manager_key="parquet",
        deps=counted,
        metadata={"dagster/column_schema": described_columns(LEDGER)},
    )
    def balance(settings: dg.ResourceParam[Settings]) -> Frames:
        """What became of every delivered row: one rule each, by table and year of the file."""
        with said_plainly():
            found = ledger(settings)
        return Frames(
            found.table.schema,
            (frame_of(batch) for batch in found.table.to_batches()),
            metadata=lambda: told(found),
        )

    @dg.asset_check(
        asset=KEY,
        blocking=True,
        description="Every delivered row ends by exactly one rule: the sums are the rows of the files.",
    )
    def every_row_has_its_rule(settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
        with said_plainly():
            found = ledger(settings)
        return judged(found)

    return balance, every_row_has_its_rule


def judged(found: Ledger) -> dg.AssetCheckResult:
    """Whether the ledger is balanced: one row too many or too few fails."""
    sentences = [
        f"{d.source_table}{'' if d.file_year is None else f' {d.file_year}'}: {d.delivered} rows came in, {d.counted} "
        f"are accounted for."
        for d in found.differences
    ]
    sentences += [f"The rule {rule} is not in ledger_rules.csv." for rule in found.unknown]
    if found.pending:
        years = ", ".join(map(str, found.pending))
        sentences.append(f"Years of care that wait for their conversion: {years}.")
    return dg.AssetCheckResult(
        passed=not found.differences and not found.unknown,
        description=" ".join(sentences) or "Every row is accounted for.",
        metadata={
            "tables and years that do not add up": len(found.differences),
            "years of care that wait": len(found.pending),
            "differences": table_of(
                {"table": str, "year": str, "rows delivered": int, "rows accounted for": int},
                [(d.source_table, str(d.file_year or ""), d.delivered, d.counted) for d in found.differences],
            ),
        },
    )


def told(found: Ledger) -> dict[str, object]:
    """What the steward reads: rows by bucket, by table, and by rule with its sentence."""
    buckets: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    tables: dict[tuple[str, int | None], Counter[str]] = {}
    for row in found.table.to_pylist():
        buckets[row["bucket"]] += row["row_count"]
        rules[row["rule"]] += row["row_count"]
        tables.setdefault((row["source_table"], row["file_year"]), Counter())[row["bucket"]] += row["row_count"]
    known = ledger_rules()
    return {
        **{f"rows {bucket}": buckets[bucket] for bucket in BUCKETS},
        "by table": table_of(
            {"table": str, "year": str, **dict.fromkeys(BUCKETS, int)},
            [(name, str(year or ""), *(counts[b] for b in BUCKETS)) for (name, year), counts in tables.items()],
        ),
        "by rule": table_of(
            {"rule": str, "bucket": str, "rows": int, "why": str, "source": str},
            [(r.rule, r.bucket, rules[r.rule], r.sentence, r.source) for r in known.values() if rules[r.rule]],
        ),
    }
