"""The coverage report: how much of a base has a standard concept, and what is left to do, as one HTML file and as JSON.

The page needs nothing but itself: it opens offline, from a mail or a shared folder, and prints.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.report import THIN_SPACE, number, page_environment, plural, pluriel, svg_of
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.vocabulary.coverage import UNNAMED, Coverage, formless, share_of
from snds_omop_assets.vocabulary.coverage_history import History
from snds_omop_assets.vocabulary.loaded import LoadedVocabulary
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HTML, JSON = "coverage_report.html", "coverage_report.json"
TEMPLATE = "coverage_report.html.j2"
USAGI: Final = "unmapped_for_usagi.csv"

SHOWN = 200
"""So many codes stand in the page; the JSON file has all."""

LINES = 8
"""So many lists have a line of their own in the plot of runs, those with the most rows."""

MOST = 0.5
"""From this share of rows without an answer on, the vocabulary cannot be used for studies."""

PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "rows_mapped": ("mapped", "#2f5f8a"),
    "rows_remapped": ("remapped", "#8fb9dc"),
    "rows_decided": ("no concept, by decision", "#c3cad1"),
    "rows_to_map": ("unmapped", "#e3a02c"),
    "rows_rejected": ("rejected", "#a8201a"),
}
"""The parts of a bar, with name and colour: they add up to all rows."""

LINE_COLOURS = ("#5b8db8", "#d9822b", "#3a8f5c", "#8e5ea2", "#b0413e", "#7a6a53", "#c2649a", "#6b7785")


def write_coverage_report(
    coverage: Coverage,
    rejected: pa.Table,
    conflicts: pa.Table,
    vocabulary: LoadedVocabulary,
    history: History,
    folder: Path,
    usagi: str = USAGI,
) -> tuple[Path, Path]:
    """Write both files into a folder, each whole or not at all.

    Args:
        coverage: what became of the codes.
        rejected: targets that were refused (shapes.REJECTED).
        conflicts: codes for which the user's map differs from the project's (user_maps.CONFLICTS).
        vocabulary: the loaded version.
        history: the runs so far, with this one.
        folder: where to write; made if it is not there.
        usagi: name of the file with the codes for Usagi, in the same folder.

    Returns:
        The HTML file and the JSON file.

    Raises:
        StoreError: a file cannot be written.
    """
    pages = folder / HTML, folder / JSON
    texts = (
        as_html(coverage, rejected, conflicts, vocabulary, history, usagi),
        as_json(coverage, rejected, conflicts, vocabulary, history),
    )
    try:
        for path, text in zip(pages, texts, strict=True):
            with written_aside(path) as partial:
                partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
    return pages


def as_json(
    coverage: Coverage, rejected: pa.Table, conflicts: pa.Table, vocabulary: LoadedVocabulary, history: History
) -> str:
    """The report for programs; the same inputs give the same text."""
    content = {
        "verdict": verdict_words(coverage),
        "summary": " ".join(coverage_sentences(coverage)),
        "version": vocabulary.version,
        "vocabularies": [asdict(one) for one in vocabulary.vocabularies],
        **coverage.summary(),
        "rejected_targets": rejected_lines(coverage, rejected),
        "conflicts": conflicts.to_pylist(),
        "runs": [asdict(run) for run in history.runs],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_html(
    coverage: Coverage,
    rejected: pa.Table,
    conflicts: pa.Table,
    vocabulary: LoadedVocabulary,
    history: History,
    usagi: str = USAGI,
) -> str:
    """The report for people: one page without any outside resource."""
    environment = page_environment(Path(__file__).parent, pluriel=pluriel, percent=percent)
    lines = coverage.unmapped.to_pylist()
    lists = coverage.lists()
    return environment.get_template(TEMPLATE).render(
        coverage=coverage,
        status=verdict(coverage),
        words=verdict_words(coverage),
        sentences=coverage_sentences(coverage),
        sums=sums_of(coverage),
        lists=lists,
        titles={name: one.title for name, one in nomenclatures().items()},
        routes=coverage.routes.to_pylist(),
        to_map=[line for line in lines if not line["decided"]],
        decided=[line for line in lines if line["decided"]],
        rejected=rejected_lines(coverage, rejected),
        conflicts=conflicts.to_pylist(),
        vocabulary=vocabulary,
        history=history,
        usagi=usagi,
        bars=svg_of(coverage_plot(coverage), "coverage"),
        bars_alternative=bars_alternative(coverage),
        runs=svg_of(history_plot(history), "runs"),
        runs_alternative=runs_alternative(history),
        shown=SHOWN,
        share_of=share_of,
        PARTS=PARTS,
        Status=Status,
    )


def verdict(coverage: Coverage) -> Status:
    """Usable where every row has a concept or a decision, unusable where most have none of the two."""
    sums = sums_of(coverage)
    open_rows = sums["rows_to_map"] + sums["rows_rejected"]
    if not sums["rows"]:
        return Status.RESERVES
    return Status.UNUSABLE if open_rows >= MOST * sums["rows"] else Status(int(open_rows > 0))


def verdict_words(coverage: Coverage) -> str:
    """The verdict as a steward reads it."""
    if not sums_of(coverage)["rows"]:
        return "no code was received"
    return ("every code has an answer", "some codes are still to map", "most rows have no standard concept")[
        verdict(coverage)
    ]


def coverage_sentences(coverage: Coverage) -> list[str]:
    """What was found, in plain words."""
    sums, lists = sums_of(coverage), coverage.lists()
    if not sums["rows"]:
        return ["No received table has a row that holds a code."]
    told = [
        f"{percent(share_of(sums, 'rows'))} of {number(sums['rows'])} {plural(sums['rows'], 'row')} that "
        f"{plural(sums['rows'], 'holds', 'hold')} a code have a standard concept."
    ]
    if sums["rows_decided"]:
        told.append(f"{percent(sums['rows_decided'] / sums['rows'])} need none, by decision of a map.")
    to_map = [line for line in coverage.unmapped.to_pylist() if not line["decided"]]
    if to_map:
        codes, rows = sum(line["codes"] for line in to_map), sum(line["rows"] for line in to_map)
        names = {line["nomenclature"] for line in to_map}
        told.append(
            f"{number(codes)} {plural(codes, 'code')} of {len(names)} {plural(len(names), 'list')} "
            f"({number(rows)} {plural(rows, 'row')}) {plural(codes, 'is', 'are')} still to map"
        )
        worst = max(lists, key=_open_rows)
        if len(names) > 1:
            told[-1] += f", most of these rows in {worst['nomenclature']}"
        told[-1] += "."
    return told


def sums_of(coverage: Coverage) -> dict[str, int]:
    """The figures over all lists, and `rows_to_map`: unmapped without a decision."""
    names = ("codes", "codes_mapped", "codes_remapped", "rows", *(name for name in PARTS if name != "rows_to_map"))
    lists = coverage.lists()
    sums = {name: sum(row[name] for row in lists) for name in names}
    sums["rows_to_map"] = sum(row["rows_unmapped"] - row["rows_decided"] for row in lists)
    return sums


def rejected_lines(coverage: Coverage, rejected: pa.Table) -> list[dict[str, Any]]:
    """The refused targets with the label and the rows of their codes, those that leave rows without concept first.

    `rows` is None where the code has another target. A code that has not the form of its list is not named, unless
    the coverage names it.
    """
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for line in coverage.unmapped.to_pylist():
        if line["code"] is not None:
            one = known.setdefault((line["nomenclature"], line["code"]), {"label": line["label"], "rows": 0})
            one["rows"] += line["rows"]
    lines = rejected.to_pylist()
    odd = {tuple(row.values()) for row in formless((r["nomenclature"], r["code"]) for r in lines).to_pylist()}
    told = []
    for line in lines:
        key = line["nomenclature"], line["code"]
        found = known.get(key, {"label": None, "rows": None})
        named = key in known or key not in odd
        told.append({**line, **found, **({} if named else {"code": None, "label": UNNAMED})})
    return sorted(told, key=lambda line: (-(line["rows"] or 0), line["nomenclature"], line["code"] or ""))


def percent(share: float | None) -> str:
    """A share for people: what is not all is never 100 %, what is not nothing never 0 %."""
    if share is None:
        return "–"
    smallest = 0.001
    if 0 < share < smallest:
        return f"<{THIN_SPACE}0.1{THIN_SPACE}%"
    if 1 - smallest < share < 1:
        return f">{THIN_SPACE}99.9{THIN_SPACE}%"
    return f"{100 * share:.0f}{THIN_SPACE}%" if share in (0, 1) else f"{100 * share:.1f}{THIN_SPACE}%"


def coverage_plot(coverage: Coverage) -> "Figure":
    """A bar per list of codes: the shares of its rows by what became of them; the list with the most rows on top."""
    from matplotlib.figure import Figure

    lists = coverage.lists()
    figure = Figure(figsize=(9.2, 0.9 + 0.36 * max(len(lists), 1)), layout="constrained")
    axes = figure.subplots()
    places = range(len(lists))
    left = [0.0] * len(lists)
    for name, (label, colour) in PARTS.items():
        shares = [100 * _part(row, name) / row["rows"] for row in lists]
        axes.barh(places, shares, left=left, height=0.68, color=colour, label=label)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    for place, row in zip(places, lists, strict=True):
        told = f"{percent(share_of(row, 'rows'))} of {number(row['rows'])}"
        axes.text(101.5, place, told, va="center", fontsize=9, color="#1c2733", parse_math=False)
    axes.set_yticks(places, [row["nomenclature"] for row in lists], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 128)
    axes.set_xticks([0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 % of rows"], fontsize=8)
    axes.tick_params(color="#888888", length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis="x", color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    if lists:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(PARTS), fontsize=9, frameon=False,
                    handlelength=1.1, columnspacing=1.4, borderaxespad=0.2)  # fmt: skip
    else:
        axes.text(50, 0, "No code was received.", ha="center", va="center")
    return figure


def history_plot(history: History) -> "Figure":
    """Share of rows with a concept, run by run: all lists in black, then the largest ones; versions are marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    axes = figure.subplots()
    runs = history.runs
    for name, colour in zip(_largest(history), LINE_COLOURS, strict=False):
        shares = [100 * run.lists[name].mapped_share if name in run.lists else float("nan") for run in runs]
        axes.plot(range(len(runs)), shares, color=colour, linewidth=1.3, marker="o", markersize=3.5, label=name)
    axes.plot(range(len(runs)), [100 * run.mapped_share for run in runs], color="#1c2733", linewidth=2.4, marker="o",
              markersize=5, label="all lists")  # fmt: skip
    named = -len(runs)
    for place, run in enumerate(runs):
        if place and run.version == runs[place - 1].version:
            continue
        axes.axvline(place, color="#9aa5b1", linewidth=0.8, linestyle=":", zorder=0)
        if place - named >= len(runs) / 5:  # names that stand nearer would cover each other
            named = place
            axes.annotate(run.version, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(3, 3),
                          textcoords="offset points", fontsize=8, color="#5a6876", parse_math=False)  # fmt: skip
    ticks = range(0, len(runs), max(1, -(-len(runs) // 8)))
    axes.set_xticks(list(ticks), [runs[place].time[:10] for place in ticks], fontsize=8)
    axes.set_xlim(-0.4, max(len(runs) - 0.6, 0.6))
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], fontsize=8)
    axes.tick_params(color="#888888", length=3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    if runs:
        handles, labels = axes.get_legend_handles_labels()
        handles, labels = handles[-1:] + handles[:-1], labels[-1:] + labels[:-1]
        axes.legend(handles, labels, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9, frameon=False)
    return figure


def bars_alternative(coverage: Coverage) -> str:
    """The bars in words."""
    told = []
    for row in coverage.lists():
        parts = [(label, _part(row, name)) for name, (label, _) in PARTS.items()]
        said = ", ".join(f"{percent(rows / row['rows'])} {label}" for label, rows in parts if rows)
        told.append(f"{row['nomenclature']}: {said} of {number(row['rows'])} {plural(row['rows'], 'row')}.")
    return " ".join(["Rows by what became of their code.", *told])


def runs_alternative(history: History) -> str:
    """The plot of runs in words."""
    told = [f"{run.time[:10]} ({run.version}): {percent(run.mapped_share)}" for run in history.runs[-12:]]
    return f"Share of rows with a standard concept over {len(history.runs)} {plural(len(history.runs), 'run')}. " + (
        "; ".join(told)
    )


def _part(row: Mapping[str, Any], name: str) -> int:
    return int(row["rows_unmapped"] - row["rows_decided"] if name == "rows_to_map" else row[name])


def _open_rows(row: Mapping[str, Any]) -> int:
    return _part(row, "rows_to_map") + _part(row, "rows_rejected")


def _largest(history: History) -> Sequence[str]:
    """The lists with the most rows in the last run."""
    if not history.runs:
        return []
    last = history.runs[-1].lists
    return sorted(last, key=lambda name: (-last[name].rows, name))[:LINES]
