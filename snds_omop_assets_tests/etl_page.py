"""The table of rules in docs/etl.md, from ledger_rules.csv: `python -m snds_omop_assets_tests.etl_page` writes it."""

import re
from pathlib import Path

from snds_omop_assets.quality.ledger import ledger_rules

PAGE = Path(__file__).parents[1] / "docs" / "etl.md"
BETWEEN = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- end of rules -->)", re.DOTALL)


def table() -> str:
    """The rules as Markdown."""
    lines = ["", "| rule | bucket | why | source |", "| --- | --- | --- | --- |"]
    lines += [f"| {rule.rule} | {rule.bucket} | {rule.sentence} | {rule.source} |" for rule in ledger_rules().values()]
    return "\n".join([*lines, "", ""])


if __name__ == "__main__":
    PAGE.write_text(BETWEEN.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
