"""What the report's figures show, and that their names can be read."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from reproduction.figures import (
    PALETTE,
    STYLE,
    as_svg,
    draw_bars,
    draw_genre_map,
    draw_means,
    draw_movie_map,
    draw_rating_counts,
    draw_training,
    write_names,
)


@pytest.fixture(autouse=True)
def _style():
    with rc_context(STYLE):
        yield


def texts(figure):
    return [
        unescape(text) for text in re.findall(r">([^<>]+)</text>", as_svg(figure, 1))
    ]


def test_bars_fall_and_carry_their_values():
    figure = draw_bars(pd.Series(["few", "many"]), pd.Series([5, 10_000]))

    (axes,) = figure.axes
    assert [bar.get_bbox().width for bar in axes.containers[0]] == [
        5,
        10_000,
    ]  # from below
    assert [label.get_text() for label in axes.get_yticklabels()] == ["few", "many"]
    assert {"5", "10,000", "few", "many"} <= set(texts(figure))


def test_means_stand_where_their_values_are():
    figure = draw_means(pd.Series([3.25, 3.5], index=["War", "Drama"]))

    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [3.25, 3.5])
    assert {"3.25", "3.50", "War", "Drama"} <= set(texts(figure))


def test_large_numbers_on_axes_are_short():
    counts = pd.DataFrame({"stars": [0.5, 1.0], "n_ratings": [1_000_000, 4_000_000]})

    assert {"0.5", "1", "2M", "4M"} <= set(texts(draw_rating_counts(counts)))


def test_the_training_figures_share_one_axis_and_leave_out_other_models():
    sweeps = pd.DataFrame(
        {
            "model": ["bias", "bias", "latent", "latent", "latent with λ"],
            "sweep": [1, 2, 1, 2, 1],
            "loss": [9.0, 8.0, 7.0, 6.0, 5.0],
            "train_rmse": [0.9, 0.8, 0.7, 0.5, 0.1],
            "test_rmse": [1.0, 0.9, 1.1, 1.5, 7.0],
        }
    )

    figures = draw_training(sweeps)

    limits = [figure.axes[0].get_ylim() for figure in figures]
    np.testing.assert_allclose(limits, [(0.42, 1.58)] * 2)
    losses = [
        np.asarray(figure.axes[1].lines[0].get_ydata()).tolist() for figure in figures
    ]
    assert losses == [[9, 8], [7, 6]]
    assert {"train: 0.500", "test: 1.500"} <= set(texts(figures[1]))


def test_every_genre_is_named_and_every_movie_furthest_out():
    rng = np.random.default_rng(0)
    genres = pd.DataFrame(rng.standard_normal((19, 3)), columns=axes_names(3))
    genres.insert(0, "name", [f"Genre {index}" for index in range(19)])
    movies = pd.DataFrame(rng.standard_normal((200, 2)), columns=axes_names(2))
    movies.loc[7, "axis 1"] = 9.0
    movies.insert(0, "name", [f"${index}$ & <b> (1990)" for index in range(200)])

    assert set(genres["name"]) <= set(texts(draw_genre_map(genres)))
    named = [text for text in texts(draw_movie_map(movies)) if "axis" not in text]
    assert "$7$ & <b>" in named
    assert 6 <= len(named) <= 12


def axes_names(n_axes):
    return [f"axis {number}" for number in range(1, n_axes + 1)]


def test_names_stay_in_the_picture_and_off_one_another():
    figure = Figure(figsize=(5, 4))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-1, 1), ylim=(-1, 1))
    angles = np.linspace(0, 6, 8)
    points = [
        (np.cos(angle), np.sin(angle), f"A rather long name {index}")
        for index, angle in enumerate(angles)
    ] + [(0.0, 0.0, "one of three"), (0.01, 0.0, "close"), (0.0, 0.01, "points")]

    boxes = write_names(axes, points)

    assert len(boxes) == len(points)
    for index, box in enumerate(boxes):
        assert figure.bbox.count_contains(box.corners()) == 4
        assert box.count_overlaps(boxes[:index]) == 0


def test_colors_are_the_page_s_variables():
    svg = as_svg(draw_bars(pd.Series(["a"]), pd.Series([1])), 1)

    assert "var(--mark)" in svg
    assert not any(color in svg for colors in PALETTE.values() for color in colors)
