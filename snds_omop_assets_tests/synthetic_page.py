"""The tables of docs/synthetic.md from the generator: `python -m snds_omop_assets_tests.synthetic_page`."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from snds_omop_assets.settings import PROJECT
from snds_omop_assets.synthetic.care import PATHWAYS
from snds_omop_assets.synthetic.faults import FAULTS
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.pictures import draw
from snds_omop_assets.synthetic.rows import rules
from snds_omop_assets.synthetic.scenario import Scenario, traps

PAGE = PROJECT / "docs" / "synthetic.md"


def tables() -> dict[str, str]:
    """Each table by the name of its place in the page."""
    return {
        "pathways": _table(
            ("pathway", "what it tells"),
            [(name, _about(live.__module__)) for name, live in PATHWAYS.items()],
        ),
        "traps": _table(
            ("trap", "share", "what it is", "source"),
            [(t.name, f"{t.share:g} of {t.of}", t.sentence, t.source) for t in traps().values()],
        ),
        "rules": _table(
            ("rule", "bucket", "why", "source"), [(r.name, r.bucket, r.sentence, r.source) for r in rules().values()]
        ),
        "faults": _table(
            ("fault", "what is done", "verdict", "told by"),
            [(f.name, f.sentence, f.verdict, f"`{f.told_by}`") for f in FAULTS.values()],
        ),
    }


def _about(module: str) -> str:
    """The first sentence of a pathway's module."""
    said = " ".join((sys.modules[module].__doc__ or "").split())
    return re.split(r"\.\s", said + " ")[0] + "."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(text: str) -> str:
    """The page with its tables written anew."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{PAGE.name} has no place for {name}")
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return text


def draw_pictures() -> None:
    """The pictures of the page, from ten thousand persons of two years."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "made"
        generate(Scenario(persons=10_000, years=(2018, 2019)), folder, "parquet")
        draw(folder, PAGE.parent / "images")


if __name__ == "__main__":
    if sys.argv[1:] == ["pictures"]:
        draw_pictures()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
