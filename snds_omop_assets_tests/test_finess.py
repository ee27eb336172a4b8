"""FINESS numbers and their key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snds_omop_assets.contracts.finess import luhn_key, with_key


@pytest.mark.parametrize(
    ("delivered", "completed"),
    [
        ("75010016", "750100166"),  # the clinic of the demonstration, one of the AP-HP numbers whose key is published
        ("01000002", "010000024"),
        ("13078052", "130780521"),
        ("2A000999", "2A0009999"),  # read as 20010999 for the key
        ("750100166", "750100166"),  # complete already
        ("2A100001", "2A100001"),  # no documented rule for the key
        ("7501001", "7501001"),  # not a FINESS: lengths are never enforced
        ("", ""),
    ],
)
def test_a_finess_of_eight_characters_gets_its_key(delivered, completed):
    assert with_key(delivered) == completed


@given(st.text("0123456789", min_size=8, max_size=8))
def test_the_completed_number_satisfies_luhn(digits):
    """Doubling every second digit from the right, the digits of the completed number add up to a multiple of ten."""
    number = with_key(digits)
    assert len(number) == 9
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    assert total % 10 == 0


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_changes_the_key(digits, place, step):
    other = digits[:place] + str((int(digits[place]) + step) % 10) + digits[place + 1 :]
    assert luhn_key(digits) != luhn_key(other)
