"""Folding a user in: taste, predictions, uncertainty."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError, SolveError
from engine.kernels.dense import padded
from engine.kernels.exact import Fixed
from engine.serving.fold_in import fold_in, predict, uncertainty
from tests.engine import reference

given_weights = pytest.mark.parametrize("name", ["rating", "ranking"])
every_head = pytest.mark.parametrize("name", ["rating", "ranking", "learned"])


@st.composite
def histories(draw):
    """Items of the smallest model and a rating for each."""
    indices = draw(st.lists(st.integers(0, 11), unique=True, max_size=12))
    halves = st.integers(1, 10).map(lambda half: half / 2)
    values = draw(
        st.lists(halves, min_size=len(indices), max_size=len(indices))
    )  # fmt: skip
    return np.array(indices, dtype=np.int32), np.array(values, dtype=np.float32)


@given_weights
@given(history=histories())
def test_a_taste_solves_the_users_system(model, name, history):
    head = getattr(model, name)
    configuration = head.configuration

    folded_user = fold_in(head, *history)

    fixed = Fixed(
        padded(head.item_factors), head.item_biases, head.offset,
        configuration.unobserved_weight, head.unobserved.gram, head.unobserved.moment,
    )  # fmt: skip
    indices, values = history
    told = reference.targets(
        values.astype(float), np.ones(len(values)), configuration, head.global_mean
    )
    count = np.array([len(indices)], dtype=np.int32)
    weight = configuration.factor_weights(count, role="user")[0]
    expected = reference.solve_row(
        (indices, told), fixed, weight, configuration.user_bias_weight
    )
    np.testing.assert_allclose(
        [*folded_user.factors, folded_user.bias], expected, rtol=1e-5, atol=1e-6
    )
    assert folded_user.n_rated == len(history[0])


@every_head
@given(history=histories())
def test_the_cholesky_factor_is_that_of_the_system(heads, name, history):
    folded_user = fold_in(heads[name], *history)

    lower = folded_user.cholesky
    right = folded_user.rest + folded_user.rating_contributions.sum(axis=0)

    np.testing.assert_array_equal(lower, np.tril(lower))
    np.testing.assert_allclose(
        lower @ lower.T @ [*folded_user.factors, folded_user.bias], right, atol=1e-8
    )


def test_nobody_is_placed_at_the_prior(model):
    folded_user = fold_in(model.rating, np.zeros(0, np.int32), np.zeros(0, np.float32))

    assert folded_user.n_rated == 0
    assert folded_user.bias == 0
    assert (folded_user.factors == 0).all()
    np.testing.assert_allclose(
        predict(model.rating, folded_user, np.arange(12)),
        model.rating.global_mean + model.rating.item_biases[:12],
        rtol=1e-6,
    )


def test_uncertainty_is_noise_and_doubt_about_the_user(model):
    head, items = model.rating, np.arange(12)
    folded_user = fold_in(head, np.array([2, 3]), np.array([4.0, 3.0]))

    found = uncertainty(head, folded_user, items)

    z = np.column_stack([head.item_factors[:12], np.ones(12)]).astype(float)
    inverse = np.linalg.inv(folded_user.cholesky @ folded_user.cholesky.T)
    doubt = np.einsum("if,fg,ig->i", z, inverse, z)
    np.testing.assert_allclose(
        found, np.sqrt(head.residual_variance * (1 + doubt)), rtol=1e-5
    )
    assert (found > head.residual_variance**0.5).all()


def test_uncertainty_falls_with_every_rating_when_weights_stay_the_same(model):
    head = replace(
        model.rating, configuration=replace(model.rating.configuration, exponent=0)
    )
    items = np.arange(12)
    courses = [
        uncertainty(head, fold_in(head, items[:n], np.full(n, 4.0)), items)
        for n in range(6)
    ]

    assert (np.diff(courses, axis=0) < 0).all()


@pytest.mark.parametrize(
    ("indices", "values", "message"),
    [
        ([0, 1], [4.0], "expected 2 finite ratings"),
        ([0], [float("nan")], "expected 1 finite ratings"),
        ([0, 0], [4.0, 4.0], "rated twice"),
        ([-1], [4.0], "outside 0"),
        ([10_000], [4.0], "outside 0"),
        ([0.5], [4.0], "vector of integers"),
        ([[0]], [[4.0]], "vector of integers"),
    ],
)
def test_unusable_ratings_are_refused(model, indices, values, message):
    with pytest.raises(DataError, match=message):
        fold_in(model.rating, np.array(indices), np.array(values))


def test_items_out_of_range_are_refused_everywhere(model):
    folded_user = fold_in(model.rating, np.array([0]), np.array([4.0]))

    for call in (predict, uncertainty):
        with pytest.raises(DataError, match="outside 0"):
            call(model.rating, folded_user, np.array([-1]))


def test_a_singular_system_is_a_typed_error(model):
    broken = replace(
        model.ranking,
        unobserved=replace(
            model.ranking.unobserved, gram=-1e6 * np.eye(model.ranking.n_factors + 1)
        ),
    )

    with pytest.raises(SolveError, match="raise the weights"):
        fold_in(broken, np.array([0]), np.array([4.0]))
