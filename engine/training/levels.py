"""How people use the levels of a scale, learned from ratings held out of training.

See `engine.model.levels` for the numbers. ``g_l`` compares how often a level was given
with how often it was expected. ``c`` maximises the likelihood of the held-out ratings.
The share of the chances' mean in predictions is a ridge regression, towards 0, of the
errors of clipped scores on what that mean would change: on some scales it is no better.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from engine.arrays import ExactMatrix, ExactVector, FloatVector, IndexVector
from engine.model.levels import Levels, normalized
from engine.model.users import FoldedUser
from engine.model.variational_head import VariationalHead
from engine.serving.fold_in import predict

_PRIOR_COUNT = 10.0  # ratings at their expected levels, for the weights at large
_GRID = (5.0, 10.0, 20.0, 40.0, 80.0)
_SPREAD_OF_SHARE = 0.5

USUAL_COUNT, USUAL_SHARE = 20.0, 0.0
"""For ratings that are too few to hold any out."""


class HeldOutUser(NamedTuple):
    """A user folded in from their training ratings, and the ratings held out."""

    folded: FoldedUser
    items: IndexVector
    stars: FloatVector


class _Seen(NamedTuple):
    """Held-out ratings beside what the head says of them."""

    stars: FloatVector
    means: ExactVector
    deviations: ExactVector
    own_deviations: ExactVector
    given: ExactMatrix
    expected: ExactMatrix


def learn_levels(
    head: VariationalHead, users: list[HeldOutUser]
) -> tuple[Levels, float, float]:
    """Learn the weights at large, ``c`` and the share of the mean.

    Parameters
    ----------
    head : VariationalHead
        With the noise and selection that it is to have, and levels of weight 1.
    users : list of HeldOutUser
        Folded into `head`.

    Returns
    -------
    tuple of Levels, float, float
    """
    levels = _weighed(head.levels, _seen(head, users))
    prior = replace(head.prior, levels=np.stack(list(vars(levels).values())))
    seen = _seen(replace(head, prior=prior), users)
    chances = levels.chances(seen.means, seen.deviations)
    given = levels.index_of(seen.stars)
    rows = np.arange(len(given))

    def log_likelihood(count: float) -> float:
        habits = levels.ratio(seen.given, seen.expected, count)
        return float(np.log(normalized(chances * habits)[rows, given]).sum())

    count = max(_GRID, key=log_likelihood)
    inside = seen.means.clip(levels.values[0], levels.values[-1])
    plain = levels.chances(seen.means, seen.own_deviations)
    habits = levels.ratio(seen.given, seen.expected, count)
    changes = normalized(plain * habits) @ levels.values - inside
    errors = seen.stars - inside
    precision = np.mean(errors**2) / _SPREAD_OF_SHARE**2
    share = changes @ errors / (changes @ changes + precision)
    return levels, count, float(np.clip(share, 0, 1))


def _weighed(levels: Levels, seen: _Seen) -> Levels:
    expected = levels.chances(seen.means, seen.deviations).sum(axis=0)
    given = levels.counts(seen.stars)
    return replace(levels, weights=levels.ratio(given, expected, _PRIOR_COUNT))


def _seen(head: VariationalHead, users: list[HeldOutUser]) -> _Seen:
    found = [_of_user(head, user) for user in users]
    columns: Any = map(np.concatenate, zip(*found, strict=True))
    return _Seen(*columns)


def _of_user(head: VariationalHead, user: HeldOutUser) -> _Seen:
    n = len(user.items)
    given, expected = head.habits(user.folded)
    return _Seen(
        stars=user.stars,
        means=predict(head, user.folded, user.items).astype(np.float64),
        deviations=np.sqrt(head.variance(user.folded, user.items)),
        own_deviations=np.full(n, np.sqrt(head.own_noise(user.folded))),
        given=np.tile(given, (n, 1)),
        expected=np.tile(expected, (n, 1)),
    )
