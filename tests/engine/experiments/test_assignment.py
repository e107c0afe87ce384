"""Assignment: published examples, shares, independence, and the same everywhere."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.errors import DataError
from engine.experiments.assignment import (
    ALGORITHM_VERSION,
    Allocation,
    fraction,
)

pytestmark = pytest.mark.compiled  # nothing here is compiled: once is enough

ROOT = Path(__file__).parents[3]
# Written by an implementation in another language, and never to be written anew.
VECTORS = json.loads((ROOT / "docs" / "assignment-vectors.json").read_text())
IDS = range(1, 100_001)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def halves(name):
    return Allocation(f"{name} traffic", f"{name} variant", 1, (0.5, 0.5))


def test_the_published_examples_hold():
    assert VECTORS["algorithm_version"] == ALGORITHM_VERSION
    for example in VECTORS["fractions"]:
        found = fraction(example["salt"], example["user_id"])
        assert found == example["fraction"]
    for example in VECTORS["allocations"]:
        expected = example.pop("variants")
        allocation = Allocation(**example)
        variants = {user: allocation.variant_of(int(user)) for user in expected}
        assert variants == expected


def test_half_of_100_000_users_get_each_variant():
    allocation = halves("first")

    n_second = sum(allocation.variant_of(user) == 1 for user in IDS)

    assert abs(n_second - 50_000) <= 632


def test_two_experiments_are_independent():
    first, second = halves("first"), halves("second")
    table = np.zeros((2, 2), dtype=int)

    for user in IDS:
        table[first.variant_of(user), second.variant_of(user)] += 1

    assert stats.chi2_contingency(table, correction=False).pvalue > 0.001


def test_taking_part_says_nothing_about_the_variant():
    whole = halves("first")
    part = Allocation(whole.traffic_salt, whole.variant_salt, 0.3, whole.weights)

    variants = [part.variant_of(user) for user in IDS]

    inside = [
        user for user, variant in zip(IDS, variants, strict=True) if variant in {0, 1}
    ]
    assert abs(len(inside) - 30_000) <= 580  # four standard deviations
    assert all(part.variant_of(user) == whole.variant_of(user) for user in inside)
    n_second = sum(part.variant_of(user) == 1 for user in inside)
    assert abs(n_second - len(inside) / 2) <= 2 * len(inside) ** 0.5


def test_weights_are_kept():
    weights = (0.05, 0.25, 0.7)
    allocation = Allocation("traffic", "variant", 1, weights)

    counts = Counter(allocation.variant_of(user) for user in IDS)

    observed = [counts[variant] for variant in range(3)]
    expected = np.array(weights) * len(IDS)
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_raising_the_traffic_moves_nobody():
    shares = (0.1, 0.2, 0.9)
    growing = [Allocation("t", "v", share, (0.5, 0.5)) for share in shares]

    for small, large in pairwise(growing):
        kept = [u for u in range(1, 2_000) if small.variant_of(u) is not None]
        assert all(small.variant_of(u) == large.variant_of(u) for u in kept)


@given(user=st.integers(0, 2**63 - 1), salt=texts)
def test_a_fraction_is_below_one_and_exact(user, salt):
    found = fraction(salt, user)

    assert 0 <= found < 1
    assert found * 2**53 == int(found * 2**53)


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_every_process_assigns_alike(hash_seed):
    code = (
        "from engine.experiments.assignment import Allocation\n"
        "a = Allocation('first traffic', 'first variant', 1, (0.5, 0.5))\n"
        "print(*(a.variant_of(u) for u in range(1, 1001)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    ).stdout

    here = halves("first")
    assert output.split() == [str(here.variant_of(user)) for user in range(1, 1001)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"traffic_salt": ""}, "must not be empty"),
        ({"traffic_salt": "variant"}, "different salts"),
        ({"traffic_share": 0}, "above 0"),
        ({"traffic_share": 1.1}, "up to 1"),
        ({"traffic_share": float("nan")}, "traffic_share is nan"),
        ({"weights": (1.0,)}, "two variants"),
        ({"weights": (1.0, 0.0)}, "above 0"),
        ({"weights": (1.5, -0.5)}, "above 0"),
        ({"weights": (0.5, 0.4)}, "sum to 0.9"),
        ({"weights": (float("inf"), 1)}, "sum to inf"),
    ],
)
def test_what_cannot_share_users_out_is_refused(changed, message):
    valid = {
        "traffic_salt": "traffic",
        "variant_salt": "variant",
        "traffic_share": 1,
        "weights": (0.5, 0.5),
    }

    with pytest.raises(DataError, match=message):
        Allocation(**valid | changed)
