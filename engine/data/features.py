"""Features of items and users: any matrix, or one made of words."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from engine.arrays import ExactVector

FeatureMatrix: TypeAlias = Any
"""A matrix of numbers, dense or from `scipy.sparse`; the two share no type."""


def one_hot(words: Sequence[Iterable[str]]) -> sparse.csr_array:
    """Turn words, such as the genres of each movie, into features.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n_rows, n_words)
        One column per word, in the order of first use; rows scaled to length 1.
    """
    from sklearn.preprocessing import MultiLabelBinarizer  # noqa: PLC0415 - slow to load

    lines = [list(line) for line in words]
    binarizer = MultiLabelBinarizer(
        classes=list(dict.fromkeys(chain.from_iterable(lines))), sparse_output=True
    )
    matrix = sparse.csr_array(binarizer.fit_transform(lines), dtype=np.float32)
    matrix.sort_indices()
    counts = np.diff(matrix.indptr)
    matrix.data = (1 / np.sqrt(np.repeat(counts, counts))).astype(np.float32)
    return matrix


def feature_row(features: FeatureMatrix | None, row: int) -> ExactVector | None:
    """One row of a feature matrix, sparse or dense; None without a matrix."""
    if features is None:
        return None
    matrix = sparse.csr_array(features)
    return np.asarray(matrix[[row]].toarray()[0], dtype=np.float64)
