"""Text files to batches: every row with its line, every row that does not fit told."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception import reading
from snds_omop_assets.reception.delivery import look_at
from snds_omop_assets.reception.reading import text_batches


def read(path):
    batches = list(text_batches(look_at(path)))
    rows = [(line, *row) for b in batches for line, *row in b.frame.astype(object).itertuples(name=None)]
    return rows, [(r.line, r.values) for b in batches for r in b.ragged], sum(b.blank for b in batches)


GOOD, SHORT, LONG, BLANK, QUOTED = "good", "short", "long", "blank", "quoted"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from([GOOD, SHORT, LONG, BLANK, QUOTED]), max_size=60),
    block=st.sampled_from([16, 200, 1 << 20]),
)
def test_every_line_is_a_row_or_ragged_or_blank_and_knows_its_number(tmp_path, monkeypatch, kinds, block):
    monkeypatch.setattr(reading, "BLOCK_BYTES", block)
    texts = {GOOD: "{0};x;", SHORT: "{0};x", LONG: "{0};x;y;z", BLANK: "", QUOTED: '{0};"a;""b""";z'}
    lines = ["A;B;C", *(texts[kind].format(number) for number, kind in enumerate(kinds, start=2))]
    (tmp_path / "f.csv").write_text("\n".join(lines) + "\n")
    rows, ragged, blank = read(tmp_path / "f.csv")
    numbered = list(enumerate(kinds, start=2))
    assert [line for line, *_ in rows] == [n for n, kind in numbered if kind in (GOOD, QUOTED)]
    assert all(str(line) == first for line, first, *_ in rows)
    assert ragged == [(n, 2 if kind == SHORT else 4) for n, kind in numbered if kind in (SHORT, LONG)]
    assert blank == kinds.count(BLANK)


def test_blank_lines_before_the_header_are_passed_over(tmp_path):
    (tmp_path / "f.csv").write_text("\n\nA;B\n1;2\n")
    assert read(tmp_path / "f.csv")[0] == [(4, "1", "2")]


@pytest.mark.parametrize("text", ["A;B", "A;B\n", "\nA;B\n"])
def test_a_header_alone_has_no_rows(tmp_path, text):
    (tmp_path / "f.csv").write_text(text)
    assert read(tmp_path / "f.csv") == ([], [], 0)


def test_values_are_text_as_they_stand(tmp_path):
    (tmp_path / "f.csv").write_text('A;B\n01; x \n"a;b";NA\n1.0;\n')
    assert read(tmp_path / "f.csv")[0][:2] == [(2, "01", " x "), (3, "a;b", "NA")]
    assert read(tmp_path / "f.csv")[0][2][1] == "1.0"


def test_windows_1252_is_read(tmp_path):
    (tmp_path / "f.csv").write_bytes("A;B\n1;Hôpital – d’Été\n".encode("cp1252"))
    assert read(tmp_path / "f.csv")[0] == [(2, "1", "Hôpital – d’Été")]


def test_a_quote_that_is_never_closed_is_refused_without_the_values(tmp_path):
    (tmp_path / "f.csv").write_text('A;B\n1;2\nDPXX:001X;"never closed\n')
    with pytest.raises(DeliveryError, match=r"f\.csv: the value of B that begins in line 3 runs over") as refusal:
        read(tmp_path / "f.csv")
    assert "DPXX" not in str(refusal.value)
