"""The recommender as an estimator that follows scikit-learn's conventions.

It works in `clone`, `cross_validate`, `GridSearchCV` and `Pipeline`. A row of `X` is a
pair of user and item, whose ids may be of any type, and `y` holds the ratings.
"""

from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from engine.arrays import ExactMatrix, ExactVector, Indices
from engine.data.frames import column_of
from engine.data.ratings import Ratings
from engine.errors import DataError
from engine.model.configuration import PLAIN, RATING, HeadConfig
from engine.paper.configuration import PAPER_PRESETS
from engine.serving.fold_in import expected_ratings, fold_in
from engine.serving.recommendation import recommend
from engine.training.fit import fit

_PRESETS: dict[str, HeadConfig] = {
    "default": RATING,
    "plain": PLAIN,
    **PAPER_PRESETS,
}
_RIDGE_WEIGHTS = {
    "plain": ("user_weight", "item_weight"),
    "bias": ("bias_weight",),
    "latent": ("factor_weight",),
    "features": ("factor_weight", "feature_weight"),
}
"""The weights that `regularization` sets in each preset that has one."""
_NAMES = ["user", "item"]  # of the columns of an array


class ALSRecommender(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Predict ratings and recommend items by alternating least squares.

    Parameters
    ----------
    preset : {"default", "plain", "bias", "latent", "features"}
        Configuration of the rating head: the default learns its regularization, "plain"
        has a fixed one and is faster, the others are the paper's three models.
    n_factors, n_sweeps : int, optional
        Those of the preset by default.
    regularization : float, optional
        Ridge weight of all factors, for every preset but the default.
    item_features : pandas.DataFrame, optional
        Numbers that describe the items, by item id; "default" and "features" use them.
    random_state : int, RandomState instance or None
        For the factors that training starts from.
    n_jobs : int, optional
        Threads; all processors by default. The result is the same for any number.

    Attributes
    ----------
    model_ : Model
        Both heads, as `engine.save_model` stores them and the service loads them.
    ratings_ : Ratings
        The training ratings, with the caller's ids.
    n_features_in_ : int
        2: user and item.
    feature_names_in_ : ndarray of str
        Columns of `X`, if it was a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from engine import ALSRecommender
    >>> pairs = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": ["x", "y", "x"]})
    >>> recommender = ALSRecommender(random_state=0).fit(pairs, [4.0, 5.0, 3.0])
    >>> recommender.recommend(["bob"], k=1)["item"].tolist()
    ['y']
    """

    def __init__(
        self,
        *,
        preset: Literal["default", "plain", "bias", "latent", "features"] = "default",
        n_factors: int | None = None,
        n_sweeps: int | None = None,
        regularization: float | None = None,
        item_features: pd.DataFrame | None = None,
        random_state: Any = None,  # noqa: ANN401 - as scikit-learn takes it
        n_jobs: int | None = None,
    ) -> None:
        self.preset = preset
        self.n_factors = n_factors
        self.n_sweeps = n_sweeps
        self.regularization = regularization
        self.item_features = item_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:  # noqa: ANN401, N803 - scikit-learn's signature
        """Train on pairs of user and item, and their ratings.

        Parameters
        ----------
        X : array or DataFrame, shape (n_ratings, 2)
            User and item of each rating, each pair once.
        y : array, shape (n_ratings,)
            The ratings, in stars.
        sample_weight : array, shape (n_ratings,), optional
            How many ratings each one counts for, above 0.

        Raises
        ------
        DataError
            As for `Ratings.from_frame`, or a parameter is out of range.
        """
        configuration = self._configuration()
        pairs = self._pairs(X, reset=True)
        self.ratings_ = _ratings(pairs, y, sample_weight)
        seed = check_random_state(self.random_state).randint(2**31)
        self.model_ = fit(
            self.ratings_,
            rating=configuration,
            item_features=self._features(),
            rng=np.random.default_rng(seed),
            n_threads=self.n_jobs,
        )
        return self

    def predict(self, X: Any) -> ExactVector:  # noqa: ANN401, N803 - scikit-learn's signature
        """Predict the rating of each pair, within the range of the training ratings.

        An unknown user is one without ratings; an unknown item is an average one.

        Parameters
        ----------
        X : array or DataFrame, shape (n_pairs, 2)

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            In stars.
        """
        check_is_fitted(self)
        pairs = self._pairs(X, reset=False)
        labels = self.ratings_.labels
        users, items = (
            side.index.get_indexer(pd.Index(column_of(pairs, name, role="X")))
            for side, name in zip((labels.users, labels.items), pairs, strict=True)
        )
        stars = np.empty(len(pairs))
        order = np.argsort(users, kind="stable")
        different, starts = np.unique(users[order], return_index=True)
        for user, mine in zip(different, np.split(order, starts[1:]), strict=True):
            stars[mine] = self._stars(int(user), items[mine])
        return stars.clip(*self.model_.rating_range)

    def recommend(self, users: Any, k: int = 10) -> pd.DataFrame:  # noqa: ANN401 - of any type
        """Recommend unrated items to users; see `engine.recommend`."""
        check_is_fitted(self)
        return recommend(self.model_, self.ratings_, users=users, k=k)

    def recommend_for(
        self,
        X: Any,  # noqa: ANN401, N803 - scikit-learn's signature
        y: Any,  # noqa: ANN401 - likewise
        k: int = 10,
        sample_weight: Any = None,  # noqa: ANN401 - likewise
    ) -> pd.DataFrame:
        """Recommend items to the users of `X` by these ratings, without training.

        Parameters are those of `fit`; every item must have been there in training. The
        result is that of `engine.recommend`.
        """
        check_is_fitted(self)
        pairs = self._pairs(X, reset=False)
        known = self.ratings_.item_labels
        history = _ratings(pairs, y, sample_weight, items=known)
        return recommend(self.model_, history, k=k)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.categorical = True
        tags.regressor_tags.poor_score = True  # of numbers that are no ids
        return tags

    def _configuration(self) -> HeadConfig:
        if self.preset not in _PRESETS:
            names = ", ".join(_PRESETS)
            raise DataError(f"preset is {self.preset!r}; it must be one of {names}")
        configuration = _PRESETS[self.preset]
        changes: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("n_factors", "n_sweeps")
            if getattr(self, name) is not None
        }
        if self.regularization is not None:
            if self.preset not in _RIDGE_WEIGHTS:
                raise DataError(
                    f"regularization is {self.regularization}, but the preset "
                    f"{self.preset!r} learns its own; leave it out or choose 'plain'"
                )
            weights = _RIDGE_WEIGHTS[self.preset]
            changes |= dict.fromkeys(weights, self.regularization)
        return replace(configuration, **changes)

    def _features(self) -> ExactMatrix | None:
        """Order the features like the items; an item without features has zeros."""
        if self.item_features is None:
            return None
        given = self.item_features
        if not given.index.is_unique:
            raise DataError("item_features has an item twice in its index; keep one")
        ordered = given.reindex(self.ratings_.item_labels).fillna(0)
        matrix: ExactMatrix = ordered.to_numpy(dtype=np.float64)
        return matrix

    def _pairs(self, X: Any, *, reset: bool) -> pd.DataFrame:  # noqa: ANN401, N803 - scikit-learn's name
        """Check the shape of `X` and make it a frame of two columns."""
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            pairs: pd.DataFrame = X
        else:
            array = validate_data(
                self, X, reset=reset, dtype=None, ensure_min_features=len(_NAMES)
            )
            names = _NAMES if array.shape[1] == len(_NAMES) else None
            pairs = pd.DataFrame(array, columns=names).infer_objects()
        if pairs.shape[1] != len(_NAMES):
            raise DataError(
                f"X has {pairs.shape[1]} columns; expected two, user and item"
            )
        return pairs

    def _stars(self, user: int, items: Indices) -> ExactVector:
        """Predict one user's ratings; -1 stands for an unknown user or item."""
        head, rows = self.model_.rating, self.ratings_.by_user
        indices, values, weights = rows.indices[:0], rows.values[:0], None
        if user >= 0:
            (indices, values), weights = rows.row(user), rows.weights_of(user)
        folded = fold_in(head, indices, values, weights=weights)
        # The paper's heads have no offset: their users hold the mean.
        base = head.offset + folded.bias if user >= 0 else self.ratings_.mean
        stars = np.full(len(items), base)
        known = items >= 0
        level = base - head.offset - folded.bias
        stars[known] = expected_ratings(head, folded, items[known]) + level
        return stars


def _ratings(
    pairs: pd.DataFrame,
    y: Any,  # noqa: ANN401 - scikit-learn's
    sample_weight: Any,  # noqa: ANN401 - likewise
    *,
    items: pd.Index | None = None,
) -> Ratings:
    """Combine pairs and ratings."""
    if y is None:
        raise DataError("fit requires y to be passed, but the target y is None")
    check_consistent_length(pairs, y, sample_weight)
    frame = pairs.assign(y=_column(y))
    weight = None
    if sample_weight is not None:
        frame["sample_weight"] = _column(sample_weight)
        weight = "sample_weight"
    user, item = pairs.columns
    return Ratings.from_frame(
        frame, user=user, item=item, rating="y", weight=weight, items=items
    )


def _column(values: Any) -> Any:  # noqa: ANN401 - scikit-learn's
    return column_or_1d(values, warn=True)
