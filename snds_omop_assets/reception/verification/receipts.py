"""The checks of received tables that a receipt answers, without looking at the data.

Sentences and figures hold counts of rows, names of columns and files, codes of nomenclatures: no value of a person.
"""

from collections import Counter
from statistics import median

from snds_omop_assets.contracts.nomenclatures import known_codes, unpadded
from snds_omop_assets.reception.delivery import stem_of
from snds_omop_assets.reception.findings import Status
from snds_omop_assets.reception.quarantine import ROW_SET_ASIDE, VALUE_SET_TO_NULL
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.tally import REPEATED_HEADER
from snds_omop_assets.reception.verification.rows import (
    FEW_ROWS,
    Figures,
    Result,
    Subject,
    counted,
    enumerated,
    months_between,
    sentence_of,
    share_of,
)

CARE_DATES = ("EXE_SOI_DTD", "EXE_SOI_DTF", "ENT_DAT", "SOR_DAT", "PRE_PRE_DTD")
"""The dates of care. Only the first is judged: the others are rightly empty for much care (no prescription or stay)."""

CERTIFIED = "00"
"""BEN_CDI_NIR of a certified NIR (HDH documentation, fiche beneficiaire)."""

QUANTITY = "PRS_ACT_QTE"
"""The signed quantity of ER_PRS_F: corrections are negative."""

ENOUGH_FOR_CORRECTIONS = 10_000
"""Lines of ER_PRS_F among which some corrections are certain: they are a few percent of real lines."""

FEW_WRONG, SMALL_TABLE = 3, 200
"""Fewer wrong values than this, in a table of fewer rows than this, pass: they are read in the quarantine."""

FIRST_SENTENCES, MOST_CODES_NAMED = 5, 10
"""How many sentences of drift, and codes outside a nomenclature, a finding tells."""


def has_rows(subject: Subject) -> Result:
    """At least one row is stored."""
    figures = {"rows": subject.receipt.stored}
    if subject.receipt.stored:
        return Status.USABLE, f"{counted(subject.receipt.stored, 'row')} stored.", figures
    if subject.table.may_be_empty:
        return Status.USABLE, "No row is stored, which may be right for this table.", figures
    return Status.RESERVES, "No row is stored: look at the quarantine, or ask for the file again.", figures


def negative_lines(subject: Subject) -> Result:
    """There are corrections, and not too many."""
    if not subject.has(QUANTITY):
        return Status.USABLE, f"{QUANTITY} was not delivered: corrections cannot be told.", {}
    sizes = subject.receipt.sizes.get(QUANTITY, {})
    rows, negative = sum(sizes.values()), sum(n for size, n in sizes.items() if size.startswith("-"))
    share = share_of(negative, rows)
    figures = {"rows with a quantity": rows, "rows with a negative quantity": negative, "share": share}
    if share > subject.limit("negative_lines"):
        sentence = f"{share:.1%} of the lines have a negative quantity: more corrections than usual. Ask why."
        return Status.RESERVES, sentence, figures
    if not negative and rows >= ENOUGH_FOR_CORRECTIONS:
        sentence = "No line has a negative quantity: corrections are missing, so cancelled care counts. Ask for them."
        return Status.RESERVES, sentence, figures
    return Status.USABLE, f"{negative} of {rows} lines are corrections.", figures


def certified_nir(subject: Subject) -> Result:
    """Most beneficiaries have a certified NIR."""
    if not subject.has("BEN_CDI_NIR"):
        return Status.USABLE, "BEN_CDI_NIR was not delivered: it cannot be told which NIR are certified.", {}
    filled, certified = subject.one_row(f"count(BEN_CDI_NIR), count(*) FILTER (BEN_CDI_NIR = '{CERTIFIED}')")
    share = share_of(certified, filled)
    codes = subject.receipt.codes.get("BEN_CDI_NIR", {})
    figures = {"rows with a BEN_CDI_NIR": filled, "share": share, **{f"rows with {c}": n for c, n in codes.items()}}
    if filled and share < subject.limit("certified_nir"):
        return (
            Status.RESERVES,
            f"Only {share:.1%} of the rows have a certified NIR (BEN_CDI_NIR {CERTIFIED}): the others may be "
            f"fictitious or provisional. Keep {CERTIFIED}, and 03 and 04 after thought.",
            figures,
        )
    return Status.USABLE, f"{share:.1%} of the rows have a certified NIR.", figures


def dates_not_given(subject: Subject) -> Result:
    """The date of care is given. NULL counts the values that stand for none (1600-01-01) as well as the empty ones."""
    receipt = subject.receipt
    delivered = [name for name in CARE_DATES if name in subject.table.columns and subject.has(name)]
    figures: Figures = {}
    for name in delivered:
        figures[f"share of {name} not given"] = min(1.0, share_of(receipt.not_given[name], _described(receipt, name)))
    first = CARE_DATES[0]
    if first not in delivered:
        return Status.USABLE, f"{first} was not delivered: there is nothing to judge.", figures
    share = share_of(receipt.nulls[first], _described(receipt, first))
    figures[f"share of {first} NULL"] = share
    lacking = receipt.nulls[first]
    if share > subject.limit("date_not_given") and not _few(lacking, receipt):
        return (
            Status.RESERVES,
            f"{share:.1%} of the rows have no {first} (1600-01-01, empty or wrong): this care cannot be placed in "
            f"time. Ask for the dates, or for the months.",
            figures,
        )
    return Status.USABLE, f"{first} is given (but for {share:.2%} of the rows).", figures


def _few(values: int, receipt: Receipt) -> bool:
    """Whether so few values of a small table are concerned that a share means nothing."""
    return values < FEW_WRONG and receipt.stored < SMALL_TABLE


def _described(receipt: Receipt, column: str) -> int:
    """Rows over which the receipt counts NULLs: those of the files that have the column, before duplicates go."""
    return sum(f.stored + f.duplicates for f in receipt.files if f.copy_of is None and column in f.columns)


def rejects(subject: Subject) -> Result:
    """Few values are wrong and few rows are set aside."""
    receipt = subject.receipt
    rows = sum(file.rows for file in receipt.files if file.copy_of is None)
    nulled = receipt.nulled()
    worst = max([receipt.set_aside, *nulled.values()])
    wrong, share = receipt.set_aside + nulled.total(), share_of(worst, rows)
    reasons = {**receipt.rejected(ROW_SET_ASIDE), **receipt.rejected(VALUE_SET_TO_NULL)}
    named = [f"{reason} ({n} rows)" for reason, n in sorted(reasons.items(), key=lambda item: -item[1])]
    figures: Figures = {
        "rows": rows, "rows set aside": receipt.set_aside, "values set to NULL": nulled.total(), "worst share": share,
        **{f"NULL instead of a wrong {name}": n for name, n in sorted(nulled.items())},
    }  # fmt: skip
    if share <= subject.limit("rejects") or (wrong < FEW_WRONG and rows < SMALL_TABLE):
        return Status.USABLE, f"{counted(wrong, 'value')} wrong or set aside, of {counted(rows, 'row')}.", figures
    sentence = f"Up to {share:.1%} of the rows have a wrong value: {enumerated(named)}. Look at the quarantine"
    if share > subject.limit("rejects_unusable") and not (worst == 1 and rows < FEW_ROWS):
        return Status.UNUSABLE, f"{sentence}; the file is written otherwise than the contract says, or broken.", figures
    return Status.RESERVES, f"{sentence}, and ask for these values.", figures


def nomenclatures(subject: Subject) -> Result:
    """Codes are those of their nomenclatures."""
    receipt, known = subject.receipt, known_codes()
    shares = {}
    for name, rows in receipt.outside.items():
        filled = max(_described(receipt, name) - receipt.nulls[name], 1)
        shares[name] = min(1.0, share_of(rows, filled))
    limit = subject.limit("outside_nomenclature")
    beyond = sorted(
        (name for name, share in shares.items() if share > limit and not _few(receipt.outside[name], receipt)),
        key=lambda name: -shares[name],
    )
    figures: Figures = {
        "worst share": max(shares.values(), default=0.0),
        **{f"share of {name} outside": share for name, share in sorted(shares.items())},
    }
    if not beyond:
        return Status.USABLE, "Codes are those of their nomenclatures.", figures
    told = []
    for name in beyond:
        codes = known[subject.table.columns[name].nomenclature or ""]
        # A longer text is no code of this list: it may be an identifier that stands in the wrong column.
        longest = max(map(len, codes))
        short = [code for code in receipt.outside_codes.get(name, ()) if len(unpadded(code)) <= longest]
        named = f": {', '.join(short[:MOST_CODES_NAMED])}" if short else ""
        told.append(f"{name} ({shares[name]:.1%}{named})")
    sentence = f"Codes are not in their nomenclature: {enumerated(told)}. Ask what they mean, or complete the list."
    return Status.RESERVES, sentence, figures


def volumes(subject: Subject) -> Result:
    """No month has far fewer or more rows than the others."""
    receipt, year = subject.receipt, subject.place.year
    months = {
        month: rows
        for month, rows in receipt.months.items()
        if rows and month[:4].isdecimal() and (year is None or month.startswith(f"{year}-"))
    }
    usual = median(months.values()) if months else 0
    figures: Figures = {"months": len(months), "rows of the median month": usual}
    if usual < subject.limit("small_volume"):
        return Status.USABLE, "There are too few rows a month to judge by volume.", figures
    least = (1 - subject.limit("volume")) * usual
    most = usual * usual / least if least > 0 else float("inf")
    unusual = {}
    for month in months_between(min(months), max(months)):
        if not least <= (rows := months.get(month, 0)) <= most:
            unusual[month] = rows
    figures |= {f"rows of {month}": rows for month, rows in unusual.items()}
    if unusual:
        named = enumerated([f"{month} ({rows} rows)" for month, rows in unusual.items()])
        return (
            Status.RESERVES,
            f"The median month has {usual:g} rows; not so {named}. A flow may be missing or there twice: ask.",
            figures,
        )
    return Status.USABLE, f"Every month has about as many rows as the median month ({usual:g}).", figures


def files(subject: Subject) -> Result:
    """The files are those of before, each once, without repeated headers."""
    receipt = subject.receipt
    copies = [f"{file.file} (of {file.copy_of})" for file in receipt.files if file.copy_of is not None]
    repeated = sum(file.duplicates for file in receipt.files if file.copy_of is None)
    headers = receipt.rejected(ROW_SET_ASIDE).get(REPEATED_HEADER, 0)
    encodings = sorted({str(code) for file in receipt.files if (code := file.written.get("encoding")) is not None})
    figures: Figures = {
        "files": len(receipt.files), "files vanished": len(receipt.vanished), "copies": len(copies),
        "duplicates removed": repeated, "repeated headers": headers, "encodings": " ".join(encodings),
    }  # fmt: skip
    mixed = [file.file for file in receipt.files if file.written.get("mixed encodings")]
    names = Counter(stem_of(file.file) for file in receipt.files if file.copy_of is None)
    twice = sorted(file.file for file in receipt.files if names[stem_of(file.file)] > 1 and file.copy_of is None)
    said = []
    if twice:
        said.append(f"files of the same name are there twice ({enumerated(twice)}): their rows may be as well")
    if mixed:
        said.append(
            f"a file has lines in two encodings, so some accents are wrong ({enumerated(mixed)}): ask for it in one"
        )
    if receipt.vanished:
        said.append(f"files that came before did not come now ({enumerated(receipt.vanished)}): ask whether rightly")
    if copies:
        said.append(f"a file is a copy of another, stored once ({enumerated(copies)}): ask for the right file")
    if repeated:
        said.append(f"{counted(repeated, 'row')} removed, the same as another in every column: ask why")
    if headers:
        said.append(
            f"the header is repeated ({counted(headers, 'line')}): files were put one behind the other, so count them"
        )
    if said:
        return Status.RESERVES, sentence_of(said), figures
    differ = f"; their encodings differ ({', '.join(encodings)})" if len(encodings) > 1 else ""
    return Status.USABLE, f"{counted(len(receipt.files), 'file')}, each once{differ}.", figures


def drift(subject: Subject) -> Result:
    """Little changed since the delivery before, or the year before."""
    changes = subject.receipt.drift
    lines = {f"contract line of change {n}": str(change["contract"]) for n, change in enumerate(changes, start=1)}
    figures: Figures = {"changes": len(changes), **lines}
    if not changes:
        return Status.USABLE, "Nothing changed beyond the thresholds.", figures
    sentences = " ".join(str(change["sentence"]) for change in changes[:FIRST_SENTENCES])
    more = len(changes) - FIRST_SENTENCES
    others = f" And {more} other changes." if more > 0 else ""
    return Status.RESERVES, f"{sentences}{others} Ask why, or change the contract if it is right.", figures
