"""Words as features."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from engine.data.features import one_hot
from engine.data.movielens import MovieLens, words_of

SAMPLE = Path(__file__).parents[3] / "data"


def counted(words):
    """Count and scale by hand: the plain twin of `one_hot`."""
    columns: dict[str, int] = {}
    pairs = [
        (row, columns.setdefault(word, len(columns)))
        for row, line in enumerate(words)
        for word in dict.fromkeys(line)
    ]
    rows, places = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    counts = np.bincount(rows, minlength=len(words))
    values = (1 / np.sqrt(counts[rows])).astype(np.float32)
    return sparse.csr_array((values, (rows, places)), shape=(len(words), len(columns)))


def assert_equal(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@given(st.lists(st.lists(st.sampled_from("zyxwabc"), max_size=5), max_size=8))
def test_columns_come_in_the_order_of_first_use_and_rows_have_length_1(words):
    assert_equal(one_hot(words), counted(words))


@pytest.mark.parametrize("words", [[[], []], [[]], []])
def test_without_words_there_are_no_columns(words):
    assert one_hot(words).shape == (len(words), 0)


def test_the_features_of_the_sample_are_the_same_to_the_last_bit():
    movies = MovieLens.open(SAMPLE).movies()
    words = [words_of(movie.genres, movie.year) for movie in movies]

    assert_equal(one_hot(words), counted(words))
