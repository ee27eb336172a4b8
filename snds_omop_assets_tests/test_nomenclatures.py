"""The French lists of codes and their local concept ids."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snds_omop_assets.vocabulary.nomenclatures import (
    ALPHABETS,
    FIRST_LOCAL_ID,
    OPTIONAL,
    Nomenclature,
    code_of_seven,
    nomenclatures,
    stored_code,
)

SOME_CODES = {
    "CIM10": ("M545", 2_072_756_052),
    "CCAM": ("LFQK002", 3_197_142_002),
    "CSARR": ("ZZC+255", 2_038_552_255),
    "NABM": ("552", 2_000_200_552),
    "LPP": ("1234567", 2_061_234_567),
    "CIP13": ("3400934841682", 2_053_484_168),
    "CIP7": ("3484168", 2_053_484_168),
    "UCD": ("3400892611041", 2_049_261_104),
    "PRS_NAT_REF": ("1111", 2_000_101_111),
    "PRS_NAT_VISIT": ("1111", 2_000_101_111),
    "GHM": ("08M04Z", 2_010_858_192),
    "IR_SPE_V": ("1", 2_000_300_001),
    "IR_ACT_V": ("26", 2_000_301_026),
    "MS_PRV_V_ENT": ("7", 2_000_310_312),
    "MS_PRV_V_SOR": ("R", 2_000_313_092),
    "MS_ENT_V": ("8", 2_000_314_351),
    "MS_SOR_V": ("9", 2_000_316_390),
    "AUT_TYP1_UM": ("01A", 2_003_062_790),
    "AUT_TYP_UM": ("51", 2_006_358_956),
}
"""One code of every list and the id that it has for good: ids are in bases and in reports of users."""

LISTS = {name: found for name, found in nomenclatures().items() if found.vocabulary_id is not None}
FIGURES_31 = 2**31 - 1


def places(nomenclature: Nomenclature) -> str:
    """The kind of each place of a code: a key of ALPHABETS."""
    form = "9" * 7 if nomenclature.form in ("cip", "ucd") else nomenclature.form
    if form.startswith("number "):
        form = "9" * int(form.removeprefix("number "))
    return form


def codes_of(nomenclature: Nomenclature) -> st.SearchStrategy[str]:
    """Codes of the form of a list; numbers without padding zeros, drugs by their seven figures."""
    form = places(nomenclature)
    if set(form) == {"9"}:
        width = {"cip": 7, "ucd": 7}.get(nomenclature.form)
        return (
            st.integers(0, 10 ** len(form) - 1)
            .map(lambda n: str(n).zfill(width or 0))
            .filter(lambda code: width is None or code.strip("0"))
        )
    fixed = st.tuples(*(st.sampled_from(ALPHABETS[kind]) for kind in form if kind not in OPTIONAL)).map("".join)
    ends = [kind for kind in form if kind in OPTIONAL]
    least = 0 if len(ends) < len(form) else 1
    end = st.text(ALPHABETS[ends[0]], min_size=least, max_size=len(ends)) if ends else st.just("")
    return st.tuples(fixed, end).map("".join)


def greatest(nomenclature: Nomenclature) -> str:
    """The code of a form that comes last."""
    return "".join(ALPHABETS[kind][-1] for kind in places(nomenclature))


def smallest(nomenclature: Nomenclature) -> str:
    """The code of a form that comes first; a drug has no code of zeros."""
    if nomenclature.form in ("cip", "ucd"):
        return "0000001"
    return "".join(ALPHABETS[kind][0] for kind in places(nomenclature) if kind not in OPTIONAL) or ALPHABETS["X"][0]


def test_every_list_with_local_concepts_has_a_pinned_code():
    assert SOME_CODES.keys() == LISTS.keys()


@pytest.mark.parametrize(("name", "code", "concept_id"), [(name, *pinned) for name, pinned in SOME_CODES.items()])
def test_the_local_concept_of_a_code_stays_what_it_was(name, code, concept_id):
    assert nomenclatures()[name].local_id(code) == concept_id


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_different_codes_have_different_ids_within_the_range_of_their_list(name, data):
    found = LISTS[name]
    codes = data.draw(st.lists(codes_of(found), unique=True, min_size=2, max_size=30))
    ids = [found.local_id(code) for code in codes]
    assert len(set(ids)) == len(codes)
    assert all(found.first_id <= i <= found.local_id(greatest(found)) for i in ids)
    assert ids == [found.local_id(code) for code in codes]


def test_a_short_list_has_as_many_ids_as_codes():
    found = nomenclatures()["MS_ENT_V"]
    signs = ALPHABETS["X"]
    codes = [*signs, *map("".join, itertools.product(signs, repeat=2))]
    assert len({found.local_id(code) for code in codes} - {0}) == len(codes)


def test_the_ranges_of_the_lists_do_not_overlap():
    """Lists of one vocabulary (the CIP of 7 and of 13 figures) share their range."""
    ranges = {(f.vocabulary_id, f.first_id, f.local_id(greatest(f))) for f in LISTS.values()}
    assert len(ranges) == len({f.vocabulary_id for f in LISTS.values()})
    for (name, _, last), (following, first, _) in itertools.pairwise(sorted(ranges, key=lambda r: r[1])):
        assert last < first, f"{name} runs into {following}"


@pytest.mark.parametrize("name", LISTS)
def test_ids_are_those_that_ohdsi_leaves_to_sites_and_fit_into_31_bits_but_for_the_ccam(name):
    found = LISTS[name]
    assert found.local_id(smallest(found)) >= found.first_id > FIRST_LOCAL_ID
    assert (found.local_id(greatest(found)) <= FIGURES_31) == (name != "CCAM")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("text", ["", " ", "?", "é", "1.5", "٣", "M54.5", "m545", "AAAA001-01", "99999999999999"])
def test_a_text_of_another_form_has_no_id(name, text):
    assert nomenclatures()[name].local_id(text) == 0
    assert nomenclatures()[name].local_code(text) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("CIM10", "M5"), ("CIM10", "M54545X5"), ("CCAM", "LFQK02"), ("CSARR", "ZZC255"), ("NABM", "100000"),
     ("IR_SPE_V", "1000"), ("GHM", "8M04Z"), ("CIP13", "1234567890123"), ("UCD", "0000000000000")],
)  # fmt: skip
def test_a_text_that_is_too_long_or_too_short_has_no_id(name, text):
    assert nomenclatures()[name].local_id(text) == 0


@pytest.mark.parametrize("name", sorted(nomenclatures().keys() - LISTS.keys()))
def test_a_list_without_a_vocabulary_of_its_own_has_no_local_concepts(name):
    assert nomenclatures()[name].local_id("1") == 0


@given(st.integers(1, 9_999_999).map("{:07}".format), st.integers(0, 9), st.integers(0, 9))
def test_all_spellings_of_a_drug_share_an_id(seven, figure, key):
    cip, unit = nomenclatures()["CIP13"], nomenclatures()["UCD"]
    thirteen = f"3400{figure}{seven}{key}"
    assert code_of_seven(thirteen) == code_of_seven(seven) == code_of_seven(seven.zfill(13)) == seven
    assert cip.local_id(thirteen) == cip.local_id(seven) == nomenclatures()["CIP7"].local_id(seven)
    assert unit.local_id(thirteen) == unit.local_id(seven.zfill(13)) == unit.local_id(seven)
    assert unit.local_id(seven) != cip.local_id(seven)


@pytest.mark.parametrize("text", ["", "0", "0000000", "12345678", "34009348416820", "3400A34841682", "²"])
def test_a_text_without_seven_figures_of_a_drug_has_none(text):
    assert code_of_seven(text) is None


@pytest.mark.parametrize(
    ("name", "text", "stored"),
    [("CIM10", " m54.5 ", "M545"), ("CIM10", "M45.+0", "M45+0"), ("PRS_NAT_REF", "01111", "1111"),
     ("PRS_NAT_REF", "1111.0", "1111"), ("IR_SPE_V", "0", "0"), ("IR_SPE_V", "00", "0"), ("CCAM", "lfqk002", "LFQK002"),
     ("GHM", "08M04Z", "08M04Z"), ("SNDS_STATUS", " DP mco ", "DP mco")],
)  # fmt: skip
def test_whoever_wrote_a_code_it_is_spelled_as_in_the_store(name, text, stored):
    assert stored_code(nomenclatures()[name], text) == stored
    assert stored_code(nomenclatures()[name], stored) == stored
