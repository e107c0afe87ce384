"""Metrics against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.evaluation.metrics import coverage, ndcg_at_k, recall_at_k, rmse
from tests.engine import reference

items = st.lists(st.integers(0, 20), unique=True, max_size=15).map(
    lambda x: np.array(x, dtype=np.int32)
)


@given(recommended=items, relevant=items, k=st.integers(1, 20))
def test_list_metrics_equal_brute_force(recommended, relevant, k):
    found = [metric(recommended, relevant, k=k) for metric in (ndcg_at_k, recall_at_k)]

    if len(relevant) == 0:
        assert np.isnan(found).all()
    else:
        expected = [
            metric(recommended, relevant, k)
            for metric in (reference.ndcg, reference.recall)
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_perfect_list_is_worth_one_and_order_matters():
    relevant = np.array([3, 5])

    assert ndcg_at_k(np.array([5, 3, 1]), relevant, k=10) == 1
    assert ndcg_at_k(np.array([1, 5, 3]), relevant, k=10) < 1
    assert recall_at_k(np.array([1, 5, 3]), relevant, k=2) == 0.5


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1))
def test_errors_equal_brute_force(both):
    predicted, actual = (np.array(part) for part in zip(*both, strict=True))

    squares = sum((p - a) ** 2 for p, a in both) / len(both)
    assert rmse(predicted, actual) == pytest.approx(squares**0.5, abs=1e-12)


def test_no_ratings_have_no_error():
    nothing = np.zeros(0, dtype=np.float32)

    assert np.isnan(rmse(nothing, nothing))


def test_lengths_must_agree():
    with pytest.raises(DataError, match="2 predictions for 1 ratings"):
        rmse(np.zeros(2, np.float32), np.zeros(1, np.float32))


def test_coverage_counts_each_item_once():
    lists = [np.array([0, 1]), np.array([1, 2]), np.array([], dtype=int)]

    assert coverage(lists, 6) == 0.5
