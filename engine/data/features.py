"""Features of items and users: any matrix, or one made of words."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

FeatureMatrix: TypeAlias = Any
"""Any matrix of numbers, dense or of `scipy.sparse`, which has no common type."""


def one_hot(words: Sequence[Iterable[str]]) -> sparse.csr_array:
    """Turn words, such as the genres of each movie, into features.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n_rows, n_words)
        A column a word, in the order of first use; rows scaled to length 1.
    """
    columns: dict[str, int] = {}
    pairs = [
        (row, columns.setdefault(word, len(columns)))
        for row, line in enumerate(words)
        for word in dict.fromkeys(line)
    ]
    rows, places = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    counts = np.bincount(rows, minlength=len(words))
    values = (1 / np.sqrt(counts[rows])).astype(np.float32)
    return sparse.csr_array((values, (rows, places)), shape=(len(words), len(columns)))
