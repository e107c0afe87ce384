"""Scales of ratings, and half stars from a rating on any of them."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

SCALES = (5, 10, 100)


def smallest_scale(ratings: Iterable[str]) -> int:
    """Take the smallest scale that holds every rating."""
    largest = max(map(Decimal, ratings), default=Decimal(0))
    return next((scale for scale in SCALES if largest <= scale), SCALES[-1])


def half_stars(rating: Decimal, scale: int) -> tuple[float, bool]:
    """Convert a rating of ``0 < rating <= scale`` to stars, and say if it was rounded.

    The result is the half star nearest to ``5 * rating / scale``, the upper one of two,
    and at least half a star.
    """
    exact = rating * 10 / scale
    halves = max(1, int(exact.to_integral_value(ROUND_HALF_UP)))
    return halves / 2, halves != exact
