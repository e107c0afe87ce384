"""Questions to a user, and how well they are known."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import DataError
from engine.serving.elicitation import knowledge, questions
from engine.serving.fold_in import fold_in, uncertainty


def test_a_question_is_the_one_whose_answer_leaves_least_doubt(model):
    """Ask everything in turn: weighted by fame, nothing beats what was chosen."""
    head = replace(
        model.rating, configuration=replace(model.rating.configuration, exponent=0)
    )
    model = replace(model, rating=head)
    rated, items = np.array([2, 3]), np.arange(model.n_items)
    before = fold_in(head, rated, np.array([4.0, 3.0]))

    def doubt(folded_user):
        variances = np.square(uncertainty(head, folded_user, items), dtype=float)
        return float(variances @ model.item_counts) / head.residual_variance

    def answered(item, stars):
        return fold_in(head, np.append(rated, item), np.array([4.0, 3.0, stars]))

    falls = {
        item: model.item_counts[item] * (doubt(before) - doubt(answered(item, 5.0)))
        for item in items
        if item not in rated
    }
    first, second = questions(model, before, 2)

    assert first == max(falls, key=falls.__getitem__)
    assert questions(model, answered(first, 1.0), 1).tolist() == [second]


def test_questions_planned_ahead_are_those_asked_one_by_one(model):
    """Without the exponent an answer changes nothing but what is known."""
    head = replace(
        model.rating, configuration=replace(model.rating.configuration, exponent=0)
    )
    model, rows = replace(model, rating=head), [2, 3]
    planned = questions(model, fold_in(head, np.array(rows), np.full(2, 4.0)), 9)

    for _ in planned:
        folded_user = fold_in(head, np.array(rows), np.full(len(rows), 4.0))
        rows += questions(model, folded_user, 1).tolist()

    assert rows[2:] == planned.tolist()


def test_knowledge_grows_from_nothing_with_every_answer(model):
    nobody = fold_in(model.rating, np.arange(0), np.zeros(0))
    answers = [questions(model, nobody, n) for n in range(6)]
    tastes = [fold_in(model.rating, rows, np.full(len(rows), 4.0)) for rows in answers]

    known = [knowledge(model, folded_user) for folded_user in tastes]

    items = np.column_stack([model.rating.item_factors, np.ones(model.n_items)])
    doubts = []
    for folded_user in (tastes[0], tastes[5]):
        lower = folded_user.cholesky
        covariance = np.linalg.inv(lower @ lower.T)
        doubts.append(
            np.einsum("if,fg,ig,i", items, covariance, items, model.item_counts)
        )
    assert known[0] == 0
    assert known == sorted(known)
    assert known[5] == pytest.approx(1 - doubts[1] / doubts[0], rel=1e-9)
    assert 0 < known[5] < 1


def test_nothing_is_asked_twice_or_for_want_of_items(model):
    rated = np.arange(4)
    folded_user = fold_in(model.rating, rated, np.full(4, 4.0))

    everything = questions(model, folded_user, 1_000)

    assert sorted(everything) == list(range(4, model.n_items))
    assert questions(model, folded_user, 0).size == 0
    with pytest.raises(DataError, match="at least 0"):
        questions(model, folded_user, -1)
