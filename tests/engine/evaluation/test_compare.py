"""The comparison of methods, and the quality gate on the bundled sample."""

from pathlib import Path

import numpy as np
import pytest

from engine.data.movielens import MovieLens
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, Split, split_by_user
from engine.errors import DataError
from engine.evaluation.compare import (
    PerUser,
    Step,
    estimate,
    evaluate,
    measure,
)
from engine.evaluation.methods import ItemMean, Popularity, TrainedHead
from engine.model.configuration import BIASES, RANKING, RATING
from engine.serving.fold_in import fold_in, predict
from engine.serving.ranking import similar_items, top_k
from engine.training.fit import fit_head
from tests.engine import reference

SAMPLE = Path(__file__).parents[3] / "data"
METHODS = ["popularity", "item mean", "biases", "rating head", "ranking head"]


@pytest.fixture(scope="module")
def split(ratings):
    return split_by_user(ratings, test_share=0.3, rng=np.random.default_rng(0))


def test_popularity_scores_by_count_and_predicts_nothing(split):
    popularity = Popularity.of(split.train)

    assert popularity.scores.tolist() == split.train.by_item.counts.tolist()
    assert measure(popularity, split).squares is None


def test_item_means_are_shrunk_towards_the_mean_of_all():
    train = Ratings.from_arrays([1, 2, 3], [1, 1, 2], [5, 5, 2], items=[3])
    means = ItemMean.of(train)

    expected = [(10 + 5 * 4) / 7, (2 + 5 * 4) / 6, 4]
    np.testing.assert_allclose(means.scores, expected, rtol=1e-6)
    one = HeldOut(np.array([0]), np.array([1]), np.array([3.0]))
    np.testing.assert_allclose(means.predict(one), expected[1], rtol=1e-6)


def test_trained_users_score_as_if_folded_in(split, configuration):
    training = fit_head(split.train, configuration, rng=np.random.default_rng(0))
    trained = TrainedHead(training, split.train)
    lists = trained.lists(split.train.by_user, 5)

    for user in range(4):
        folded_user = fold_in(training.head, *split.train.by_user.row(user))
        scores = training.head.scores(folded_user)
        seen, _ = split.train.by_user.row(user)
        best = top_k(scores, 5, excluded=seen)
        np.testing.assert_array_equal(lists[user], best)
        items = np.arange(split.train.n_items, dtype=np.int32)
        held_out = HeldOut(np.full_like(items, user), items, scores)
        expected = predict(training.head, folded_user, items)
        predicted = trained.predict(held_out)
        assert predicted is not None
        np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_a_ranking_head_predicts_no_stars(split, ranking_configuration):
    training = fit_head(
        split.train, ranking_configuration, rng=np.random.default_rng(0)
    )

    assert measure(TrainedHead(training, split.train), split).squares is None


def test_measures_equal_brute_force(split, configuration):
    training = fit_head(split.train, configuration, rng=np.random.default_rng(0))
    trained = TrainedHead(training, split.train)

    found = measure(trained, split, k=3, relevant_from=3.5)

    assert found.squares is not None
    assert found.sizes is not None
    stars = trained.predict(split.test)
    assert stars is not None
    predicted = np.clip(stars, *split.train.value_range)
    errors = predicted.astype(float) - split.test.values
    for user in range(split.train.n_users):
        mine = split.test.user_indices == user
        seen, _ = split.train.by_user.row(user)
        scores = training.head.item_factors @ training.users.factors[user]
        scores += training.head.item_biases
        listed = reference.top_k(scores, 3, excluded=seen.tolist())
        relevant = split.test.item_indices[mine & (split.test.values >= 3.5)]
        judged = len(relevant) > 0
        ndcg = reference.ndcg(listed, relevant, 3) if judged else 0
        recall = reference.recall(listed, relevant, 3) if judged else 0
        assert found.ndcg.counts[user] == found.recall.counts[user] == judged
        assert found.ndcg.totals[user] == pytest.approx(ndcg, abs=1e-12)
        assert found.recall.totals[user] == pytest.approx(recall, abs=1e-12)
        assert found.squares.counts[user] == mine.sum()
        squares = (errors[mine] ** 2).sum()
        assert found.squares.totals[user] == pytest.approx(squares, abs=1e-12)
        sizes = np.abs(errors[mine]).sum()
        assert found.sizes.totals[user] == pytest.approx(sizes, abs=1e-12)


def test_users_without_relevant_items_are_excluded_not_zero():
    train = Ratings.from_arrays([1, 2], [1, 1], [5, 5], items=[2, 3])
    test = HeldOut(np.array([0, 1]), np.array([1, 1]), np.array([5.0, 1.0]))

    found = measure(Popularity.of(train), Split(train, test))
    value = estimate([found.ndcg])

    assert value.value == 1
    assert (value.n_users, value.n_excluded) == (1, 1)


def test_an_estimate_is_the_mean_over_splits_with_users_resampled():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 9, (2, 400)).astype(float)
    totals = counts * rng.normal(4, 1, (2, 400)) ** 2
    parts = [PerUser(t, c) for t, c in zip(totals, counts, strict=True)]

    found = estimate(parts, transform=np.sqrt)

    per_split = np.sqrt(totals.sum(1) / counts.sum(1))
    assert found.value == pytest.approx(per_split.mean(), abs=1e-12)
    assert found.low < found.value < found.high
    assert (found.n_users, found.n_excluded) == (400, 0)


def test_intervals_of_a_mean_cover_it_as_often_as_they_say():
    """95 % intervals, 100 simulations: 88 to 99 hits lie within four sigma."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        found = estimate([PerUser(rng.normal(1, 1, 100), np.ones(100))])
        hits += found.low <= 1 <= found.high

    assert 86 <= hits <= 100


def test_nothing_measured_is_nan_and_not_zero():
    found = estimate([PerUser(np.zeros(3), np.zeros(3))])

    assert np.isnan([found.value, found.low, found.high]).all()
    assert (found.n_users, found.n_excluded) == (0, 3)


def test_a_split_without_anybody_to_count_is_left_out():
    counted, empty = np.ones(3), np.zeros(3)

    found = estimate([PerUser(np.full(3, 2.0), counted), PerUser(empty, empty)])

    assert (found.value, found.low, found.high) == (2, 2, 2)


def test_the_comparison_has_a_row_for_each_method_and_reports_progress(
    ratings, configuration, ranking_configuration
):
    steps: list[Step] = []

    rows = evaluate(
        ratings,
        seeds=[0, 1],
        rating=configuration,
        ranking=ranking_configuration,
        relevant_from=3.5,
        on_step=steps.append,
    )

    assert [row.name for row in rows] == METHODS
    assert [row.rmse is None for row in rows] == [True, False, False, False, True]
    assert [row.mae is None for row in rows] == [True, False, False, False, True]
    assert all(0 < row.coverage <= 1 and 0 <= row.ndcg.value <= 1 for row in rows)
    assert [step.name for step in steps] == 2 * METHODS
    assert [step.seed for step in steps] == 5 * [0] + 5 * [1]
    assert [(step.done, step.total) for step in steps] == [
        (done, 10) for done in range(1, 11)
    ]


def test_a_comparison_without_seeds_is_refused(ratings):
    with pytest.raises(DataError, match="at least one seed"):
        evaluate(ratings, seeds=[])


@pytest.fixture(scope="module")
def sample():
    return MovieLens.open(SAMPLE).ratings().to_ratings()


@pytest.mark.compiled
def test_quality_on_the_sample_does_not_fall(sample):
    """One of the five splits of `cinefold evaluate`, which reached 0.836 and 0.271."""
    rows = {row.name: row for row in evaluate(sample, seeds=[0])}

    rating, biases = rows["rating head"].rmse, rows["biases"].rmse
    assert rating is not None
    assert biases is not None
    assert rating.value <= 0.845
    assert rating.value < biases.value - 0.04
    assert rows["ranking head"].ndcg.value >= 0.262
    assert rows["ranking head"].ndcg.value > 2 * rows["popularity"].ndcg.value


@pytest.mark.compiled
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_rating_is_enough_to_find_the_sequel(sample, seed):
    training = fit_head(sample, RANKING, rng=np.random.default_rng(seed))
    toy_story, toy_story_2 = sample.item_indices_of([1, 3114])

    folded_user = fold_in(training.head, np.array([toy_story]), np.array([5.0]))
    listed = top_k(
        training.head.scores(folded_user), 10, excluded=np.array([toy_story])
    )
    similar, _ = similar_items(training.head, toy_story, 3)

    assert toy_story_2 in listed
    assert toy_story_2 in similar


@pytest.mark.compiled
def test_folding_in_few_ratings_is_no_worse_than_biases_alone(sample):
    """Users the model never saw, from none, 1, 5 and 9 of their ratings."""
    rng = np.random.default_rng(0)
    strangers = rng.permutation(sample.n_users)[:130]
    users, items = sample.by_user.row_of_each(), sample.by_user.indices
    known = ~np.isin(users, strangers)
    train = Ratings.from_arrays(
        sample.user_ids[users[known]],
        sample.item_ids[items[known]],
        sample.by_user.values[known],
        items=sample.item_ids,
    )
    heads = [
        fit_head(train, configuration, rng=np.random.default_rng(0)).head
        for configuration in (RATING, BIASES)
    ]

    def error(head, n_ratings):
        squares = []
        for user in strangers:
            indices, values = sample.by_user.row(user)
            order = np.random.default_rng(user).permutation(len(indices))
            told, asked = order[:n_ratings], order[len(order) // 2 :]
            folded_user = fold_in(head, indices[told], values[told])
            predicted = predict(head, folded_user, indices[asked])
            squares.append((np.clip(predicted, 0.5, 5) - values[asked]) ** 2)
        return np.sqrt(np.concatenate(squares).mean())

    for n_ratings in (0, 1, 5, 9):
        factors, biases = (error(head, n_ratings) for head in heads)
        assert factors < biases
