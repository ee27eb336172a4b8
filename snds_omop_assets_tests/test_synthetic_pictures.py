"""The pictures of a synthetic delivery are drawn, and show what the truth says."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import matplotlib.image
import numpy as np
import polars as pl
import pytest

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.synthetic.generate import generate
from snds_omop_assets.synthetic.pictures import (
    arrivals,
    draw,
    line_months,
    living,
    nature_shares,
    opened,
    period_of,
    stay_months,
)
from snds_omop_assets.synthetic.pictures_of_lives import chosen_lives, visits_of
from snds_omop_assets.synthetic.scenario import Scenario

PERSONS = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "synth"
    generate(Scenario(persons=PERSONS, years=(2018, 2019)), folder, "parquet")
    return folder


@pytest.fixture
def truth(made: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(made) as connection:
        yield connection


def test_five_pictures_are_drawn_and_none_is_blank(made: Path, tmp_path: Path) -> None:
    pictures = draw(made, tmp_path / "images")
    names = ["pyramid", "volumes", "delays", "shares", "lives"]
    assert [path.name for path in pictures] == [f"synthetic_{name}.png" for name in names]
    assert sorted(pictures) == sorted((tmp_path / "images").iterdir())  # nothing else is left there
    for path in pictures:
        pixels = matplotlib.image.imread(path)[..., :3]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50, path.name
        assert (pixels.min(axis=2) < 0.9).mean() > 0.01, path.name
        assert path.stat().st_size < 150_000, path.name


def test_the_pyramid_counts_everybody_who_lives(made: Path, truth: duckdb.DuckDBPyConnection) -> None:
    deaths = pl.read_parquet(made / "truth" / "deaths.parquet")
    found = living(truth)
    assert found["persons"].sum() == PERSONS - len(deaths)
    assert found["age"].is_between(0, 95).all()


def test_every_line_and_every_stay_has_its_month(made: Path, truth: duckdb.DuckDBPyConnection) -> None:
    lines = sum(len(pl.read_parquet(path)) for path in made.glob("delivery/ER_PRS_F_*.parquet"))
    by_month = line_months(truth)
    assert by_month.filter(pl.col("by") == "flow")["lines"].sum() == lines
    assert by_month.filter(pl.col("by") == "flow")["month"].n_unique() == 24
    stays = stay_months(truth)
    first, last = period_of(truth)
    ended = pl.read_parquet(made / "truth" / "visits.parquet").filter(
        pl.col("professional").is_null() & (pl.col("kind") != "pharmacy") & pl.col("end").is_between(first, last)
    )
    assert stays["stays"].sum() == len(ended)


def test_care_arrives_and_never_leaves(truth: duckdb.DuckDBPyConnection) -> None:
    arrived = arrivals(truth)
    for what in ("care", "drugs"):
        share = arrived.filter(pl.col("what") == what)["share"]
        assert len(share) == 18
        assert share.is_sorted()
        assert 0.3 < share[0] < 0.95
        assert 0.95 < share[-1] <= 1


def test_shares_are_of_all_lines(truth: duckdb.DuckDBPyConnection) -> None:
    found = nature_shares(truth)
    assert found["share"].sum() == pytest.approx(1)
    assert found["published"].sum() == pytest.approx(1, abs=0.02)
    assert found.sort("share")["nature"][-1] == "3313"  # pharmacy at 65 %


def test_lives_are_different_persons_and_a_child_follows_its_mother(
    made: Path, truth: duckdb.DuckDBPyConnection
) -> None:
    people = chosen_lives(truth)
    assert 5 <= len(people) <= 10
    assert people["person"].is_unique().all()
    by_title = dict(zip(people["title"], people["person"], strict=True))
    if "her child" in by_title:
        persons = pl.read_parquet(made / "truth" / "persons.parquet")
        child = persons.filter(pl.col("person") == by_title["her child"])
        assert child["mother"].to_list() == [by_title["pregnancy and birth"]]
    visits = visits_of(truth, people)
    assert set(visits["person"]) <= set(people["person"])
    assert visits["diagnosis"].drop_nulls().len() > 0


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="was not written by the generator"):
        draw(tmp_path, tmp_path / "images")
    (tmp_path / "delivery").mkdir()
    (tmp_path / "delivery" / "ER_PRS_F_2019.CSV").write_text("FLX_DIS_DTD\n")
    (tmp_path / "synth.json").write_text("{}")
    with pytest.raises(SettingsError, match="in Parquet only"):
        draw(tmp_path, tmp_path / "images")


def test_one_year_is_drawn_too(tmp_path: Path) -> None:
    generate(Scenario(persons=PERSONS, years=(2019, 2019)), tmp_path / "synth", "parquet")
    assert len(draw(tmp_path / "synth", tmp_path / "images")) == 5
