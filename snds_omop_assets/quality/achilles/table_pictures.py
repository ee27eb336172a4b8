"""The pictures of single tables: how much, how well mapped, which concepts."""

from snds_omop_assets.quality.achilles.drawing import (
    BLUE,
    FIRST_IDS,
    LIGHT,
    NO_CONCEPT,
    PERSONS,
    PERSONS_BY_CONCEPT,
    RECORDS_BY_CONCEPT,
    RECORDS_BY_SOURCE_CONCEPT,
    RECORDS_INSIDE,
    TOP,
    WITHOUT_SOURCE,
    Cells,
    Drawn,
    bars,
    figure_of,
    legend_above,
    words,
)
from snds_omop_assets.reception.report import number


def records_per_person(cells: Cells) -> Drawn | None:
    """How many records a person has, by table."""
    persons = cells.total(PERSONS)
    records = {table: cells.total(first + RECORDS_INSIDE) for table, first in FIRST_IDS.items() if table != "death"}
    records = {table: count for table, count in records.items() if count}
    if not persons or not records:
        return None
    figure, axes = figure_of(7.2, 0.6 + 0.26 * len(records))
    means = [count / persons for count in records.values()]
    bars(axes, [words(table) for table in records], means, [f"{mean:.3g}" for mean in means])
    axes.set_xticks([])
    sentence = f"Records that start in an observation period, divided by the {number(persons)} persons of the base."
    return Drawn("Records per person", sentence, figure)


def mapped_shares(cells: Cells) -> Drawn | None:
    """How much of each table has a standard concept, and a source concept."""
    shares = {
        table: (_share_mapped(cells, first, RECORDS_BY_CONCEPT), _share_mapped(cells, first, RECORDS_BY_SOURCE_CONCEPT))
        for table, first in FIRST_IDS.items()
        if cells.total(first + RECORDS_INSIDE)
    }
    if not shares:
        return None
    figure, axes = figure_of(7.2, 0.8 + 0.42 * len(shares))
    for shift, which, label, colour in ((-0.19, 0, "standard concept", BLUE), (0.19, 1, "source concept", LIGHT)):
        for place, both in enumerate(shares.values()):
            share, text = both[which]
            axes.barh(place + shift, 100 * share, 0.36, color=colour, label="" if place else label)
            axes.text(100 * share + 1, place + shift, text, va="center", fontsize=7, color="#5a6876")
    axes.set_yticks(range(len(shares)), [words(table) for table in shares])
    axes.invert_yaxis()
    axes.set_xlim(0, 112)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "25 %", "50 %", "75 %", "100 %"])
    legend_above(axes, 2)
    return Drawn(
        "From source to standard", "Share of the records of each table whose concept is not 0: the standard concept, "
        "which studies use, and the concept of the code as it came.", figure,
    )  # fmt: skip


def _share_mapped(cells: Cells, first: int, of: int) -> tuple[float, str]:
    """The share of records with another concept than 0, and its words; where 0 is not told, the least it can be."""
    records, by_concept = cells.total(first + RECORDS_INSIDE), cells.of(first + of)
    without = by_concept["stratum_1"].fillna(NO_CONCEPT) == NO_CONCEPT
    told, mapped = int(by_concept["count_value"].sum()), int(by_concept.loc[~without, "count_value"].sum())
    if of == RECORDS_BY_SOURCE_CONCEPT and first in WITHOUT_SOURCE:
        return 0.0, "no such field"
    if without.any() or told == records:
        share = 1 - (told - mapped) / records
        return share, f"{100 * share:.3g} %"
    share = mapped / records
    return share, f"at least {100 * share:.3g} %" if mapped else "not told: few persons"


def top_concepts(cells: Cells, table: str) -> Drawn | None:
    """The concepts of a table that most persons have."""
    first = FIRST_IDS[table]
    persons = cells.of(first + PERSONS_BY_CONCEPT)
    persons = persons[persons["stratum_1"].fillna(NO_CONCEPT) != NO_CONCEPT]
    top = persons.sort_values(["count_value", "stratum_1"], ascending=[False, True])[:TOP]
    if top.empty:
        return None
    records = cells.of(first + RECORDS_BY_CONCEPT).set_index("stratum_1")["count_value"]
    figure, axes = figure_of(7.6, 0.5 + 0.27 * len(top))
    labels = [
        f"{number(int(count))}" + (f"   ({number(int(records[concept]))} records)" if concept in records else "")
        for concept, count in zip(top["stratum_1"], top["count_value"], strict=True)
    ]
    bars(axes, [cells.name(concept) for concept in top["stratum_1"]], list(top["count_value"]), labels)
    axes.set_xticks([])
    more = f" {number(len(persons) - len(top))} others are not drawn." if len(persons) > len(top) else ""
    sentence = f"The concepts of {words(table)} that most persons have, and those persons.{more}"
    return Drawn(f"Most frequent concepts: {words(table)}", sentence, figure)
