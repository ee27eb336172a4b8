"""The settings of a deployment."""

import re
from datetime import date
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


def test_duckdb_is_the_engine_unless_said_otherwise():
    settings = Settings.from_environment({})
    assert (settings.engine, settings.spark_master, settings.memory) == ("duckdb", "local[*]", None)


def test_the_engine_its_master_and_its_memory_are_settings():
    settings = Settings.from_environment(
        {"SNDS_ENGINE": "Spark", "SNDS_SPARK_MASTER": "spark://host:7077", "SNDS_MEMORY": "8 gb"}
    )
    assert (settings.engine, settings.spark_master, settings.memory) == ("spark", "spark://host:7077", "8GB")


def test_the_days_between_which_the_base_tells_are_settings():
    settings = Settings.from_environment({"SNDS_DATA_START": "2016-07-01", "SNDS_DATA_END": "2018-06-30"})
    assert (settings.data_start, settings.data_end) == (date(2016, 7, 1), date(2018, 6, 30))
    settings = Settings.from_environment({"SNDS_DATA_START": "", "SNDS_DATA_END": ""})
    assert (settings.data_start, settings.data_end) == (None, None)


def test_the_days_of_release_are_settings():
    settings = Settings.from_environment(
        {"SNDS_SOURCE_RELEASE_DATE": "2020-06-30", "SNDS_CDM_RELEASE_DATE": "2020-09-01"}
    )
    assert (settings.source_release_date, settings.cdm_release_date) == (date(2020, 6, 30), date(2020, 9, 1))
    settings = Settings.from_environment({})
    assert (settings.source_release_date, settings.cdm_release_date) == (None, None)


@pytest.mark.parametrize(
    "master",
    [
        "local",
        "local[4]",
        "local[*]",
        "yarn",
        "spark://a:7077,b:7077",
        "k8s://https://host:6443",
        "sc://host",
        "sc://host:15002/;user_id=a",
    ],
)
def test_spark_masters_are_in_the_words_of_spark(master):
    assert Settings.from_environment({"SNDS_SPARK_MASTER": master}).spark_master == master


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SNDS_ENGINE", "postgres"),
        ("SNDS_SPARK_MASTER", "host:7077"),
        ("SNDS_SPARK_MASTER", "local[0]"),
        ("SNDS_SPARK_MASTER", "spark://host"),
        ("SNDS_MEMORY", "8"),
        ("SNDS_MEMORY", "0GB"),
        ("SNDS_MEMORY", "-1GB"),
        ("SNDS_MEMORY", "much"),
        ("SNDS_DATA_START", "2018"),
        ("SNDS_DATA_END", "31/12/2018"),
        ("SNDS_SOURCE_RELEASE_DATE", "30 June 2020"),
        ("SNDS_CDM_RELEASE_DATE", "2020-02-30"),
    ],
)
def test_an_engine_a_master_a_memory_or_a_day_that_says_nothing_is_refused(name, value):
    with pytest.raises(SettingsError, match=f"^{name} is '{re.escape(value)}': write "):
        Settings.from_environment({name: value})
