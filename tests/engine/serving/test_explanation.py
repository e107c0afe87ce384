"""Scores taken apart into shares of past ratings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.serving.explanation import reason_shares, reasons
from engine.serving.fold_in import fold_in, predict
from tests.engine.serving.test_fold_in import every_head, given_weights, histories


@every_head
@given(history=histories(), item=st.integers(0, 11))
def test_reasons_add_up_to_the_score(heads, name, history, item):
    head = heads[name]
    folded_user = fold_in(head, *history)

    found = reasons(head, folded_user, item)

    assert found.shares.shape == (len(history[0]),)
    together = reason_shares(head, folded_user, np.array([3, item]))
    np.testing.assert_allclose(together[:, 1], found.shares, rtol=1e-6, atol=1e-9)
    total = found.baseline + found.shares.sum(dtype=np.float64)
    assert total == pytest.approx(
        predict(head, folded_user, np.array([item]))[0], abs=1e-5
    )


@given_weights
def test_a_reason_is_what_the_score_would_lose_with_a_neutral_rating(model, name):
    """Shares are linear in the ratings, so one can be tested by changing it.

    Where ratings are centred, a change of one moves the others as well.
    """
    head = getattr(model, name)
    head = replace(head, configuration=replace(head.configuration, centring=0.0))
    indices, values = np.array([0, 3, 5]), np.array([5.0, 1.0, 4.0])
    before = fold_in(head, indices, values)
    neutral = values.copy()
    neutral[1] -= before.rating_contributions[
        1, -1
    ]  # now it adds nothing to the right side

    after = fold_in(head, indices, neutral)

    fall = predict(head, before, np.array([7]))[0] - predict(head, after, np.array([7]))
    assert reasons(head, before, 7).shares[1] == pytest.approx(fall[0], abs=1e-5)


def test_reasons_for_no_item_are_refused(model):
    folded_user = fold_in(model.rating, np.array([0]), np.array([4.0]))

    with pytest.raises(DataError, match="outside 0"):
        reasons(model.rating, folded_user, 10_000)
    with pytest.raises(DataError, match="outside 0"):
        reason_shares(model.rating, folded_user, np.array([10_000]))
