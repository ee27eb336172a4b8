"""The settings of a deployment."""

from pathlib import Path

import pytest

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings


def test_the_defaults_are_the_demonstration():
    settings = Settings.from_environment({})
    assert settings.delivery == DEMONSTRATION_DELIVERY
    assert settings.warehouse == Path("warehouse").resolve()
    assert settings.small_cell == 1, "the persons of the demonstration are invented"


def test_a_delivery_given_on_the_command_line_is_no_demonstration(tmp_path):
    settings = Settings.from_environment({}, given={"SNDS_DELIVERY": str(tmp_path), "SNDS_WAREHOUSE": ""})
    assert (settings.delivery, settings.small_cell) == (tmp_path, 11)


def test_the_id_key_is_not_shown():
    assert "secret" not in repr(Settings.from_environment({"SNDS_ID_KEY": "secret"}))


def test_small_counts_of_real_persons_are_hidden_unless_said_otherwise(tmp_path):
    assert Settings.from_environment({"SNDS_DELIVERY": str(tmp_path)}).small_cell == 11
    assert Settings.from_environment({"SNDS_DELIVERY": str(tmp_path), "SNDS_SMALL_CELL": "5"}).small_cell == 5


@pytest.mark.parametrize("value", ["0", "-1", "eleven", "1.5"])
def test_a_small_cell_that_is_no_number_is_refused(value):
    with pytest.raises(SettingsError, match="SNDS_SMALL_CELL"):
        Settings.from_environment({"SNDS_SMALL_CELL": value})


def test_an_empty_variable_is_no_value():
    assert Settings.from_environment({"SNDS_DELIVERY": "", "SNDS_LAYOUT": ""}).layout is None
