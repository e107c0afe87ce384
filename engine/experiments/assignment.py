"""Assign users to the variants of an experiment, by a fixed function.

Nothing is stored and nothing is drawn: the same user, salts and weights give the same
variant in every process and every language. `docs/assignment-vectors.json` holds
examples to check another implementation against.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from engine.checks import check_weights
from engine.errors import DataError

ALGORITHM_VERSION = 1
"""Stored with each experiment; any change of what a user is assigned raises it."""

_N_BITS = 53  # what a double holds exactly


@dataclass(frozen=True)
class Allocation:
    """The traffic of an experiment: its share of users, and the variants' weights.

    Attributes
    ----------
    traffic_salt, variant_salt : str
        Not empty and different: whether a user takes part must say nothing about
        which variant they see. New ones for each experiment keep experiments
        independent of each other.
    traffic_share : float
        Share of all users that takes part, above 0 up to 1.
    weights : sequence of float
        Share of each variant among those who take part; above 0, summing to 1.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    traffic_salt: str
    variant_salt: str
    traffic_share: float
    weights: Sequence[float]

    def __post_init__(self) -> None:
        """Validate once, so that assigning cannot fail."""
        if "" in {self.traffic_salt, self.variant_salt}:
            raise DataError("a salt must not be empty")
        if self.traffic_salt == self.variant_salt:
            raise DataError("traffic and variants need different salts")
        if not 0 < self.traffic_share <= 1:
            raise DataError(
                f"traffic_share is {self.traffic_share}; it must be above 0, up to 1"
            )
        check_weights(self.weights)

    def variant_of(self, user_id: int) -> int | None:
        """Find the variant of a user.

        With ``h`` as in `fraction`, a user takes part if ``h(traffic_salt) < share``,
        and sees the first variant whose running sum of weights, added from the left in
        double precision, exceeds ``h(variant_salt)``; the last one takes what rounding
        leaves.

        Parameters
        ----------
        user_id : int

        Returns
        -------
        int or None
            Index into `weights`; None for users who do not take part.
        """
        if fraction(self.traffic_salt, user_id) >= self.traffic_share:
            return None
        position = fraction(self.variant_salt, user_id)
        sums = itertools.accumulate(self.weights[:-1])
        within = (index for index, total in enumerate(sums) if position < total)
        return next(within, len(self.weights) - 1)


def fraction(salt: str, user_id: int) -> float:
    """Map a user to a number in [0, 1), uniform over users and salts.

    The first 53 bits of SHA-256 of the UTF-8 text ``salt:user_id``, the id in decimals,
    divided by 2^53: exact in double precision.

    Parameters
    ----------
    salt : str
    user_id : int
    """
    digest = hashlib.sha256(f"{salt}:{user_id}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> (64 - _N_BITS)) / (1 << _N_BITS)
