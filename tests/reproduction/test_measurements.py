"""The report's numbers, measured on a small data set."""

import pytest

from engine.paper.configuration import PAPER_PRESETS
from tests.reproduction.conftest import GENRES


def test_the_numbers_are_those_of_the_data_set(numbers):
    data = numbers["dataset"]

    assert (data["n_ratings"], data["n_users"], data["n_movies"]) == (2_000, 90, 60)
    assert data["name"] == "small"
    assert sum(row["n_ratings"] for row in numbers["rating_counts"]) == 2_000
    assert [genre["name"] for genre in numbers["genres"]] == sorted(GENRES)
    models = [*PAPER_PRESETS, *(f"{name} with λ" for name in PAPER_PRESETS)]
    assert [row["model"] for row in numbers["models"]] == models
    assert [row["model"] for row in numbers["sweeps"][::20]] == models
    assert [row["sweep"] for row in numbers["sweeps"][:20]] == list(range(1, 21))
    assert len(numbers["genre_map"]["explained"]) == 3
    assert len(numbers["movie_map"]["explained"]) == 2
    n_known = len(numbers["movie_map"]["points"])
    sizes = numbers["movie_sizes"]
    assert n_known == sum(row["n_movies"] for row in sizes if row["n_ratings"] >= 10)


def test_a_model_s_row_sums_its_sweeps_up(numbers):
    for row in numbers["models"]:
        sweeps = [s for s in numbers["sweeps"] if s["model"] == row["model"]]
        best = min(sweeps, key=lambda sweep: sweep["test_rmse"])

        assert row["train_rmse"] == sweeps[-1]["train_rmse"]
        assert row["test_rmse"] == sweeps[-1]["test_rmse"]
        assert (row["best_sweep"], row["best_test_rmse"]) == (
            best["sweep"], best["test_rmse"],
        )  # fmt: skip
        assert row["explained"] < 1


def test_the_dummy_user_loves_toy_story_and_is_not_shown_it_again(numbers):
    dummy = numbers["dummy_user"]

    assert (dummy["title"], dummy["stars"]) == ("Toy Story (1995)", 5)
    assert len(dummy["ranges"]) == 5
    for row in dummy["ranges"]:
        movies = [m for m in dummy["lists"] if m["model"] == row["model"]]
        scores = [movie["score"] for movie in movies]
        assert len(scores) == row["n_movies"] == 10
        assert scores == sorted(scores, reverse=True)
        assert (row["highest"], row["lowest"]) == (scores[0], scores[-1])
        assert row["n_above"] == sum(score > 5 for score in scores)
        assert 1 not in [movie["movie_id"] for movie in movies]


def test_polarizing_movies_fall_by_variance_and_by_excess(numbers):
    for column in ("variance", "excess"):
        rows = numbers[f"by_{column}"]
        values = [row[column] for row in rows]
        assert values == sorted(values, reverse=True)
        assert min(row["n_ratings"] for row in rows) >= 10
        for row in rows:
            assert row["excess"] == pytest.approx(row["variance"] - row["expected"])
