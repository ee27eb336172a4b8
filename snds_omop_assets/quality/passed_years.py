"""Which years of care passed the checks that block since they were made: a run need not judge them again.

prepared/care/2018/passed.json    what they were judged by; goes with the folder when the year is made again
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from snds_omop_assets.contracts.cdm_severities import Severity
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.io_managers.folders import fingerprint
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.quality.asset_checks import Check, rules_of
from snds_omop_assets.settings import Settings
from snds_omop_assets.vocabulary.loaded import current_vocabulary

PASSED = "passed.json"


def blocking_checks(decided: Mapping[Check, Severity]) -> list[Check]:
    """The asset checks of the tables of care whose failure blocks, in order."""
    return [check for check, severity in decided.items() if check[1] in CARE_YEAR_TABLES and severity.blocks]


def note_passed(settings: Settings, decided: Mapping[Check, Severity], years: Collection[int] | None) -> None:
    """Note that years of care passed all `blocking_checks`; None means all that were made."""
    for folder in _made(settings):
        if years is None or int(folder.name) in years:
            with written_aside(folder / PASSED) as partial:
                partial.write_text(json.dumps({"judged by": _judged_by(settings, decided)}), encoding="utf-8")


def not_passed(settings: Settings, decided: Mapping[Check, Severity]) -> list[int]:
    """The years of care that were made and did not pass since, or were judged by other rules or concepts."""
    wanted = _judged_by(settings, decided)
    return sorted(int(folder.name) for folder in _made(settings) if _noted(folder / PASSED) != wanted)


def _made(settings: Settings) -> list[Path]:
    care = settings.warehouse / "prepared" / "care"
    return [folder for folder in care.glob("[0-9]*") if folder.name.isdecimal()]


def _noted(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["judged by"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _judged_by(settings: Settings, decided: Mapping[Check, Severity]) -> str:
    """A text that changes when the rules, their thresholds or the vocabulary do."""
    vocabulary = current_vocabulary(settings.warehouse)
    checks = blocking_checks(decided)
    rules = [str(rule) for rule in rules_of(checks, settings.cdm_thresholds)]
    return fingerprint([checks, rules, None if vocabulary is None else vocabulary.content_hash])
