"""A small data set, and what `cinefold reproduce` makes of it."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from api.commands import main as cli
from engine.data.movielens import MovieLens
from engine.data.synthetic import make_ratings
from reproduction.measurements import reproduce
from reproduction.report import NUMBERS, PAGE

GENRES = ["Drama", "Comedy", "War", "Film-Noir"]
AWKWARD = 'Me & <b>"You"</b>, The'


def write_dataset(folder, *, n_users=90, n_movies=60, n_ratings=2_000, genres=GENRES):
    """Made-up ratings in the official layout; movie 1 is Toy Story."""
    made = make_ratings(
        n_users=n_users, n_items=n_movies, n_ratings=n_ratings,
        rng=np.random.default_rng(4),
    ).ratings  # fmt: skip
    folder.mkdir()
    with (folder / "ratings.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["userId", "movieId", "rating", "timestamp"])
        users, items = made.by_user.row_of_each(), made.by_user.indices
        for user, item, value in zip(users, items, made.by_user.values, strict=True):
            rows.writerow([made.user_ids[user], made.item_ids[item], value, 0])
    with (folder / "movies.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["movieId", "title", "genres"])
        titles = {1: "Toy Story (1995)", 2: f"{AWKWARD} (2001)", 3: "Without a year"}
        for movie in range(1, n_movies + 1):
            mine = genres[movie % len(genres)] if movie % 7 else "(no genres listed)"
            title = titles.get(movie, f"Movie {movie} (1990)")
            rows.writerow([movie, title, mine])
    return folder


def votes(*rows):
    return pd.DataFrame(rows, columns=["version", "n_users", "likes", "dislikes"])


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("reproduction") / "small")


@pytest.fixture(scope="session")
def report(dataset, tmp_path_factory):
    """The folder that one run of the command leaves."""
    out = tmp_path_factory.mktemp("report") / "new" / "folder"
    arguments = ["reproduce", "--dataset", str(dataset), "--out", str(out)]

    result = CliRunner().invoke(cli.app, arguments)

    assert result.exit_code == 0, result.output
    assert str(out / PAGE) in result.stderr.replace("\n", "")
    return out


@pytest.fixture(scope="session")
def numbers(report):
    return json.loads((report / NUMBERS).read_text())


@pytest.fixture(scope="session")
def results(dataset):
    """The same numbers as frames and records."""
    data = MovieLens.open(dataset)
    return reproduce(data, name="small", seed=0, on_step=lambda _: None)


@pytest.fixture(scope="session")
def page(report):
    return (report / PAGE).read_text()
