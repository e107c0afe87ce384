"""Plain NumPy twins, in double precision, of what the engine does with care for speed.

They are short enough to be checked by reading; the tests compare the engine to them.
"""

import numpy as np


def gram_of_rows(factors, biases):
    """Lower triangle of ``sum (q, 1, b)(q, 1, b)'``."""
    rows = np.column_stack([factors, np.ones(len(biases)), biases]).astype(float)
    return np.tril(rows.T @ rows)


def system(rated, fixed, factor_weight, bias_weight):
    """``A`` and ``c`` of one row, as `engine.kernels.exact` defines them."""
    indices, values, *weights = rated
    counted = weights[0][:, None] if weights else 1
    alpha = fixed.alpha
    q = fixed.q[:-1, : len(fixed.moment) - 1]  # the rest is padding
    every = np.column_stack([q, np.ones(len(fixed.b))]).astype(float)
    biases = fixed.b.astype(float)
    z = every[indices]
    matrix = (1 - alpha) * z.T @ (counted * z) + alpha * every.T @ every
    matrix += np.diag([*[float(factor_weight)] * q.shape[1], float(bias_weight)])
    right = (counted * z).T @ (values - fixed.mean - (1 - alpha) * biases[indices])
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


def targets(values, weights, configuration, mean):
    """What a user's ratings are fitted to."""
    if configuration.unobserved_weight == 0:  # scores are stars
        return values
    count = weights.sum() + configuration.prior_count
    generosity = (weights * (values - mean)).sum() / (count or 1)
    return values - configuration.centring * generosity


def objective(ratings, configuration, users, items):
    """Loss and RMSE, pair by pair over the whole matrix."""
    stars = dense(ratings)
    observed = ~np.isnan(stars)
    mean = stars[observed].mean()
    for user, rated in enumerate(observed):
        ones = np.ones(rated.sum())
        stars[user, rated] = targets(stars[user, rated], ones, configuration, mean)
    alpha = configuration.unobserved_weight
    mean = configuration.unobserved_target if alpha > 0 else mean
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


def weights_of(rows, row):
    """Weights of one row's ratings."""
    weights = rows.weights_of(row)
    return np.ones(rows.counts[row]) if weights is None else weights.astype(float)


def learned_half_step(own, other, state):
    """Means and variances of all rows of a side, one general solve each."""
    parameters, variances = [], []
    prior_weights = state.variance / own.prior_variances
    for row in range(own.rows.n_rows):
        matrix, right = np.diag(prior_weights), prior_weights * own.prior[row]
        weights = weights_of(own.rows, row)
        for index, value, weight in zip(*own.rows.row(row), weights, strict=True):
            z = np.array([*other.parameters[index, :-1].astype(float), 1])
            doubt = np.diag([*other.variances[index, :-1].astype(float), 0])
            y = (value - state.mean) / state.unit - other.parameters[index, -1]
            noise_weights = weight * other.noise_weights[index]
            matrix = matrix + noise_weights * (np.outer(z, z) + doubt)
            right = right + noise_weights * z * y
        parameters.append(np.linalg.solve(matrix, right))
        variances.append(state.variance / np.diag(matrix))
    return np.array(parameters), np.array(variances)


def expected_squares(state):
    """Squared errors of each user's ratings, and their variances."""
    users, items = state.users, state.items
    errors, doubts = np.zeros(users.rows.n_rows), np.zeros(users.rows.n_rows)
    for row in range(users.rows.n_rows):
        x, v = users.parameters[row].astype(float), users.variances[row].astype(float)
        weights = weights_of(users.rows, row)
        for index, value, weight in zip(*users.rows.row(row), weights, strict=True):
            y, u = items.parameters[index].astype(float), items.variances[index]
            score = x[-1] + y[-1] + x[:-1] @ y[:-1]
            errors[row] += weight * ((value - state.mean) / state.unit - score) ** 2
            doubts[row] += weight * (v[-1] + u[-1] + y[:-1] ** 2 @ v[:-1])
            doubts[row] += weight * (x[:-1] ** 2 + v[:-1]) @ u[:-1]
    return errors, doubts


def paper_half_sweep(rows, own, other, bias_weight, factor_weight, prior_terms):
    """The paper's updates of one side, row by row, as printed."""
    factors, biases = (np.array(part, dtype=float) for part in own)
    other_factors, other_biases = (np.array(part, dtype=float) for part in other)
    ridge = factor_weight * np.eye(factors.shape[1])
    for row in range(rows.n_rows):
        rated, stars = rows.row(row)
        v, b, n = other_factors[rated], other_biases[rated], len(rated)
        biases[row] = (stars - b - v @ factors[row]).sum() / (n + bias_weight)
        right = v.T @ (stars - biases[row] - b) + prior_terms[row]
        factors[row] = np.linalg.solve(ridge + v.T @ v, right)
    return factors, biases


def paper_regression(factors, features, ridge):
    """``W`` by the normal equations."""
    gram = features.T @ features + ridge * np.eye(features.shape[1])
    return factors.T @ features @ np.linalg.inv(gram)


def paper_loss(ratings, configuration, users, items, features, weights):
    """The loss of the paper's models, pair by pair over the whole matrix."""
    (u, b_u), (v, b_i) = ([np.array(x, dtype=float) for x in s] for s in (users, items))
    tau, beta = configuration.factor_weight, configuration.feature_weight
    ridge = tau if configuration.n_factors else configuration.bias_weight
    errors = dense(ratings) - b_u[:, None] - b_i - u @ v.T
    loss = np.nansum(errors**2) + ridge * ((b_u**2).sum() + (b_i**2).sum())
    loss += tau * (u**2).sum() + (tau - beta) * (v**2).sum()
    loss += beta * ((v - features @ weights.T) ** 2).sum()
    loss += beta * tau * (weights**2).sum()
    return configuration.error_weight / 2 * loss


def paper_sweeps(ratings, configuration, items, features):
    """Train one of the paper's models, yielding all there is after each sweep."""
    k = configuration.n_factors
    users = np.zeros((ratings.n_users, k)), np.zeros(ratings.n_users)
    weights = np.zeros((k, features.shape[1]))
    tau, beta = configuration.factor_weight, configuration.feature_weight
    ridge = tau if k else configuration.bias_weight
    while True:
        nothing = np.zeros((ratings.n_users, k))
        users = paper_half_sweep(ratings.by_user, users, items, ridge, tau, nothing)
        prior_terms = beta * features @ weights.T
        items = paper_half_sweep(ratings.by_item, items, users, ridge, tau, prior_terms)
        weights = paper_regression(items[0], features, tau)
        yield users, items, weights


def diversified(factors, items, relevance, k, *, diversity):
    """Choose by maximal marginal relevance, one cosine at a time."""
    left, chosen = list(range(len(items))), list[int]()
    exact = factors.astype(np.float64)
    directions = [exact[i] / np.linalg.norm(exact[i]) for i in items]
    while left and len(chosen) < k:
        gains = [
            (1 - diversity) * relevance[i]
            - diversity
            * max((directions[i] @ directions[j] for j in chosen), default=0)
            for i in left
        ]
        chosen.append(left.pop(int(np.argmax(gains))))
    return items[chosen].tolist()
