"""Plain NumPy twins, in double precision, of what the engine does with care for speed.

They are short enough to be checked by reading; the tests compare the engine to them.
"""

import numpy as np


def gram_of_rows(factors, biases):
    """Lower triangle of ``sum (q, 1, b)(q, 1, b)'``."""
    rows = np.column_stack([factors, np.ones(len(biases)), biases]).astype(float)
    return np.tril(rows.T @ rows)


def system(rated, fixed, factor_weight, bias_weight):
    """``A`` and ``c`` of one row, as the docstring of `engine.kernels` defines them."""
    indices, values = rated
    alpha = fixed.alpha
    q = fixed.q[:-1, : len(fixed.moment) - 1]  # the rest is padding
    every = np.column_stack([q, np.ones(len(fixed.b))]).astype(float)
    biases = fixed.b.astype(float)
    z = every[indices]
    matrix = (1 - alpha) * z.T @ z + alpha * every.T @ every
    matrix += np.diag([*[float(factor_weight)] * q.shape[1], float(bias_weight)])
    right = z.T @ (values - fixed.mean - (1 - alpha) * biases[indices])
    return matrix, right - alpha * every.T @ biases


def solve_row(rated, fixed, factor_weight, bias_weight):
    """``(p, b)`` of one row by a general solver."""
    return np.linalg.solve(*system(rated, fixed, factor_weight, bias_weight))


def half_step(rows, fixed, weights):
    """Factors and biases of all rows, one general solve each, in double precision."""
    solved = np.array(
        [
            solve_row(rows.row(row), fixed, weights.factors[row], weights.biases[row])
            for row in range(rows.n_rows)
        ]
    )
    return solved[:, :-1], solved[:, -1]


def conjugate_gradient(matrix, right, start, *, n_steps):
    """Jacobi-preconditioned conjugate gradient, as in any textbook."""
    x = start.astype(float)
    diagonal = np.diag(matrix)
    r = right - matrix @ x
    z = r / diagonal
    p = z
    for _ in range(n_steps):
        if r @ z == 0:
            break
        length = (r @ z) / (p @ matrix @ p)
        x = x + length * p
        r_next = r - length * matrix @ p
        z_next = r_next / diagonal
        p = z_next + (r_next @ z_next) / (r @ z) * p
        r, z = r_next, z_next
    return x


def dense(ratings):
    """All ratings as a matrix, NaN where there is none."""
    matrix = np.full((ratings.n_users, ratings.n_items), np.nan)
    for user in range(ratings.n_users):
        columns, values = ratings.by_user.row(user)
        matrix[user, columns] = values
    return matrix


def objective(ratings, configuration, users, items):
    """Loss and RMSE, pair by pair over the whole matrix."""
    stars = dense(ratings)
    observed = ~np.isnan(stars)
    alpha = configuration.unobserved_weight
    mean = configuration.unobserved_target if alpha > 0 else stars[observed].mean()
    products = users.factors.astype(float) @ items.factors.T.astype(float)
    scores = mean + users.biases[:, None] + items.biases[None, :] + products
    errors = (stars - scores)[observed]
    gaps = (configuration.unobserved_target - scores)[~observed]
    loss = (errors**2).sum() + alpha * (gaps**2).sum()
    for side, counts, weight, bias_weight in (
        (users, observed.sum(1), configuration.user_weight,
         configuration.user_bias_weight),
        (items, observed.sum(0), configuration.item_weight,
         configuration.item_bias_weight),
    ):  # fmt: skip
        scale = (counts + configuration.prior_count) ** configuration.exponent
        scale[scale == 0] = 1
        loss += weight * (scale * (side.factors.astype(float) ** 2).sum(1)).sum()
        loss += bias_weight * (side.biases.astype(float) ** 2).sum()
    return loss, np.sqrt((errors**2).mean())


def top_k(scores, k, *, excluded=(), candidates=None):
    """Sort everything by falling score, then by index."""
    allowed = range(len(scores)) if candidates is None else candidates
    rest = set(allowed) - set(excluded)
    return sorted(rest, key=lambda item: (-scores[item], item))[:k]


def ndcg(recommended, relevant, k):
    """Sum the discounts one by one."""
    gain = sum(
        1 / np.log2(rank + 2)
        for rank, item in enumerate(list(recommended)[:k])
        if item in set(relevant)
    )
    best = sum(1 / np.log2(rank + 2) for rank in range(min(k, len(relevant))))
    return gain / best


def recall(recommended, relevant, k):
    """Count the hits one by one."""
    hits = sum(item in set(list(recommended)[:k]) for item in relevant)
    return hits / len(relevant)
