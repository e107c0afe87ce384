"""The recommender by scikit-learn's conventions, in scikit-learn's own tools."""

import doctest
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data

import engine.estimators
from engine.errors import DataError
from engine.estimators import ALSRecommender
from engine.model.files import load_model, save_model
from engine.serving.fold_in import fold_in, predict

# Whole models are trained here: too slow as plain Python, and no kernel is in them.
pytestmark = pytest.mark.compiled

QUICK: dict[str, Any] = {
    "preset": "plain",
    "n_factors": 2,
    "n_sweeps": 3,
    "random_state": 0,
}


class OfRows(ALSRecommender):
    """Lets scikit-learn's checks bring a matrix: each row becomes a pair of its own.

    The user is the first number, the item the rest and how often the row occurs.
    """

    def _pairs(self, X, *, reset):  # noqa: N803 - scikit-learn's name
        rows = validate_data(self, X, reset=reset, dtype=np.float64)
        items = pd.Series([row[1:].tobytes().hex() for row in rows], dtype="str")
        pairs = pd.DataFrame({"user": rows[:, 0], "item": items})
        if reset:
            repeats = pairs.groupby(["user", "item"]).cumcount().astype(str)
            return pairs.assign(item=items + "/" + repeats)
        return pairs.assign(item=items + "/0")


def expected_failures(_):
    zero = "a weight of 0 is refused: leave out what counts for nothing"
    return {
        "check_all_zero_sample_weights_error": zero,
        "check_sample_weight_equivalence_on_dense_data": zero,
        "check_dtype_object": "the message for objects names column and value",
    }


@pytest.mark.filterwarnings("ignore:SCIPY_ARRAY_API")
@parametrize_with_checks(
    [OfRows(**QUICK)], expected_failed_checks=expected_failures, xfail_strict=True
)
def test_the_conventions_of_estimators_hold(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def pairs(ratings):
    frame = ratings.to_frame()
    return pd.DataFrame(
        {"who": "u" + frame["user_id"].astype(str), "what": frame["item_id"]}
    )


@pytest.fixture(scope="module")
def stars(ratings):
    return ratings.to_frame()["rating"].to_numpy()


@pytest.fixture(scope="module")
def fitted(pairs, stars):
    return ALSRecommender(**QUICK).fit(pairs, stars)


def test_the_example_in_the_docstring_is_true():
    result = doctest.testmod(engine.estimators)

    assert result.attempted >= 5
    assert result.failed == 0


def test_predictions_are_those_of_the_model(pairs, fitted):
    history, model = fitted.ratings_, fitted.model_
    row = history.labels.users.index.get_loc(pairs["who"].iloc[0])
    items = model.item_indices_of(pairs["what"].iloc[:4])
    user = fold_in(model.rating, *history.by_user.row(row))

    predicted = fitted.predict(pairs)[:4]

    assert pairs["who"].iloc[:4].tolist() == ["u1"] * 4
    stars = predict(model.rating, user, items).clip(*model.rating_range)
    np.testing.assert_allclose(predicted, stars, rtol=1e-6)
    assert fitted.feature_names_in_.tolist() == ["who", "what"]


@pytest.mark.parametrize("preset", ["default", "plain", "bias", "latent", "features"])
def test_each_preset_knows_what_to_say_of_strangers(preset, pairs, stars):
    features = pd.DataFrame({"even": 1.0}, index=pairs["what"].unique()[::2])
    recommender = ALSRecommender(
        preset=preset, n_sweeps=3, item_features=features, random_state=0
    ).fit(pairs, stars)
    known = pairs.iloc[0]

    strangers = pd.DataFrame(
        {"who": ["?", known["who"], "?"], "what": [known["what"], -7, -7]}
    )
    predicted = recommender.predict(strangers)

    low, high = stars.min(), stars.max()
    assert ((predicted >= low) & (predicted <= high)).all()
    assert predicted[2] == pytest.approx(stars.mean(), abs=1e-5)
    assert np.isfinite(predicted).all()
    assert recommender.score(pairs, stars) > 0


def test_lists_come_in_the_callers_ids_and_newcomers_need_no_training(pairs, fitted):
    lists = fitted.recommend(["u1", "u2"], k=3)
    new = pd.DataFrame({"who": "new", "what": pairs["what"].unique()[:2]})

    mine = fitted.recommend_for(new, [5.0, 1.0], k=4, sample_weight=[1, 2])

    assert lists["who"].tolist() == ["u1"] * 3 + ["u2"] * 3
    assert mine["who"].tolist() == ["new"] * 4
    assert not set(mine["what"]) & set(new["what"])
    with pytest.raises(DataError, match="column 'what' is -7 at index 0"):
        fitted.recommend_for(new.assign(what=[-7, -8]), [5.0, 1.0])


def test_arrays_of_numbers_and_of_words_are_pairs_too(pairs, stars, fitted):
    words = ALSRecommender(**QUICK).fit(pairs.astype(str).to_numpy(dtype=object), stars)
    mixed = ALSRecommender(**QUICK).fit(pairs.to_numpy(dtype=object), stars)

    assert words.ratings_.item_labels.dtype == "str"
    assert mixed.ratings_.item_labels.dtype == np.int64
    np.testing.assert_array_equal(
        mixed.predict(pairs.to_numpy(dtype=object)), fitted.predict(pairs)
    )
    assert not hasattr(words, "feature_names_in_")


def test_clone_pickle_and_the_number_of_threads_change_nothing(pairs, stars, fitted):
    again = clone(fitted).set_params(n_jobs=1).fit(pairs, stars)
    restored = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - our own bytes

    assert again.get_params() == {**fitted.get_params(), "n_jobs": 1}
    np.testing.assert_array_equal(again.predict(pairs), fitted.predict(pairs))
    np.testing.assert_array_equal(restored.predict(pairs), fitted.predict(pairs))


def test_its_model_is_stored_like_any_other(fitted, tmp_path):
    save_model(fitted.model_, tmp_path / "model", details={})

    stored = load_model(tmp_path / "model")

    np.testing.assert_array_equal(stored.item_ids, fitted.model_.item_ids)


def test_a_grid_search_over_a_pipeline_finds_the_better_weight(pairs, stars):
    turned = pairs[["what", "who"]]
    pipeline = make_pipeline(
        FunctionTransformer(lambda X: X[["who", "what"]]),  # noqa: N803 - its name
        ALSRecommender(**QUICK),
    )
    search = GridSearchCV(
        pipeline, {"alsrecommender__regularization": [1e-3, 1.0]}, cv=3,
        scoring="neg_root_mean_squared_error",
    )  # fmt: skip

    search.fit(turned, stars)

    assert search.best_params_ == {"alsrecommender__regularization": 1.0}
    assert search.best_score_ > search.cv_results_["mean_test_score"].min()
    assert len(search.predict(turned)) == len(stars)


def test_cross_validation_beats_the_mean_by_each_score(pairs, stars):
    order = np.random.default_rng(0).permutation(len(stars))

    scores = cross_validate(
        ALSRecommender(**QUICK), pairs.iloc[order], stars[order], cv=4,
        scoring=["r2", "neg_root_mean_squared_error"],
    )  # fmt: skip

    assert (scores["test_r2"] > 0).mean() >= 0.75
    assert (scores["test_neg_root_mean_squared_error"] > -stars.std()).mean() >= 0.75


def test_regularization_means_the_ridge_of_the_preset(pairs, stars):
    heads: dict[str, Any] = {
        preset: ALSRecommender(
            preset=preset, n_sweeps=1, regularization=0.7, random_state=0,
            item_features=pd.DataFrame({"a": 1.0}, index=pairs["what"].unique()),
        ).fit(pairs, stars).model_.rating.configuration
        for preset in ("plain", "bias", "latent", "features")
    }  # fmt: skip

    assert heads["plain"].user_weight == heads["plain"].item_weight == 0.7
    assert heads["bias"].user_bias_weight == 0.7
    assert heads["latent"].user_weight == heads["features"].user_weight == 0.7


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"preset": "best"},
            "preset is 'best'; it must be one of default, plain, bias",
        ),
        ({"preset": "default", "regularization": 1}, "'default' learns its own; leave"),
        ({"n_factors": -1}, "n_factors is -1"),
        ({"preset": "features"}, "features"),
        (
            {"item_features": pd.DataFrame({"a": [1, 2]}, index=[3, 3])},
            "item_features has an item twice in its index; keep one",
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters, message, pairs, stars):
    recommender = ALSRecommender(**{**QUICK, **parameters})

    with pytest.raises(DataError, match=message):
        recommender.fit(pairs, stars)


def test_what_is_no_pair_is_refused(pairs, stars, fitted):
    with pytest.raises(DataError, match="X has 3 columns; expected two, user and item"):
        clone(fitted).fit(pairs.assign(when=0), stars)
    with pytest.raises(DataError, match="X has 3 columns"):
        clone(fitted).fit(np.ones((2, 3)), [1, 2])
    with pytest.raises(DataError, match="column 'y' is nan at index 1"):
        clone(fitted).fit(pairs[:2], [1, np.nan])
    with pytest.raises(DataError, match="column 'who' is None at index 0"):
        fitted.predict(pairs[:1].assign(who=None))
