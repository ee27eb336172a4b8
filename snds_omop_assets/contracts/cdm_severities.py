"""What a failed asset check of a CDM table does: it blocks what is downstream, or warns.

cdm/severities.csv says it with reasons (check, table, severity, reason): an empty cell of the first two stands for any,
and of several lines on one check the last one wins. A project's own file is read after it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.contracts.cdm_tables import CDM_FIELDS
from snds_omop_assets.contracts.project_files import project_lines
from snds_omop_assets.errors import ContractError

SEVERITIES = CDM_FIELDS.with_name("severities.csv")
COLUMNS = ("check", "table", "severity", "reason")
BLOCKS, WARNS = "blocks", "warns"


@dataclass(frozen=True)
class Severity:
    """What a failure does, and why."""

    blocks: bool
    reason: str


def severities(
    checks: Collection[tuple[str, str]], only_warn: Collection[str] = (), project: Path | None = None
) -> Mapping[tuple[str, str], Severity]:
    """The severity of each asset check, by check and table.

    Args:
        checks: the asset checks that there are.
        only_warn: tables whose checks cannot block.
        project: a project's own file; its names of tables may be in any case.

    Raises:
        ContractError: a file cannot be read, lacks a column or a reason, or has a line that is about no check, says no
            severity that is known, or lets a check block that cannot.
    """
    found: dict[tuple[str, str], Severity] = {}
    for path in (SEVERITIES, *([] if project is None else [project])):
        for number, line in project_lines(path, COLUMNS, "severities"):
            found |= _said(line, f"{path.name}, line {number}", checks, only_warn)
    return found


def _said(
    line: Mapping[str, str], where: str, checks: Collection[tuple[str, str]], only_warn: Collection[str]
) -> Mapping[tuple[str, str], Severity]:
    """The checks that a line is about, with what it says."""
    check, table = line["check"], line["table"].lower()
    if line["severity"] not in (BLOCKS, WARNS):
        raise ContractError(f"{where}: the severity must be {BLOCKS} or {WARNS}, not '{line['severity']}'.")
    if not line["reason"]:
        raise ContractError(f"{where}: the severity has no reason; write why.")
    about = [one for one in checks if check in ("", one[0]) and table in ("", one[1])]
    if not about:
        names = " ".join(filter(None, (check, table)))
        raise ContractError(f"{where}: there is no asset check {names}; correct the names, or empty a cell for any.")
    severity = Severity(line["severity"] == BLOCKS, line["reason"])
    if severity.blocks and table in only_warn:
        raise ContractError(
            f"{where}: checks of {table} cannot block, for the tables of the vocabulary refer to each other; let them "
            f"warn."
        )
    return {one: severity for one in about if not (severity.blocks and one[1] in only_warn)}
