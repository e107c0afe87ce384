"""The report as one HTML file: no script, nothing fetched, light and dark.

Every number comes from a `Reproduction` and is written by `markup.number`, with its
exact value in the markup; nothing is computed here.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from reproduction import figures
from reproduction.figures import MODELS
from reproduction.markup import DASH, equal, number, section, table, title
from reproduction.results import (
    Comparison,
    Direction,
    MovieRow,
    Polarizing,
    Reproduction,
)
from reproduction.verdict import of_figures

_STYLE = Path(__file__).with_name("page.css")
_SIGNIFICANT = 0.05


def render(found: Reproduction) -> str:
    """Write the whole page."""
    name = escape(found.dataset.name)
    sections = (
        of_figures, _data, _training, _maps, _dummy_user, _polarizing, _votes, _method,
    )  # fmt: skip
    body = "\n".join(part(found) for part in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>The paper, redone on {name}</title>
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<p class="kicker">cinefold reproduce</p>
<h1>The paper, redone</h1>
<p class="lead">&ldquo;Recommendation System Using Matrix Factorization and Latent
Factor Models on MovieLens&rdquo;: its tables and figures again, by its own equations,
on <span class="name">{name}</span>.</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _data(found: Reproduction) -> str:
    data, paper = found.dataset, found.paper
    scale = f"{number(data.lowest, 'g')} to {number(data.highest, 'g')}"
    rows = [
        ("Ratings", number(data.n_ratings), number(paper.n_ratings)),
        ("Users", number(data.n_users), number(paper.n_users)),
        ("Movies", number(data.n_movies), DASH),
        ("Movies rated", number(data.n_rated_movies), number(paper.n_rated_movies)),
        ("Genres", number(data.n_genres), DASH),
        ("Pairs rated", number(data.density, ".2%"), DASH),
        ("Scale, stars", scale, DASH),
        ("Mean rating", number(data.mean, ".3f"), DASH),
        ("Standard deviation", number(data.deviation, ".3f"), number(paper.deviation)),
        ("Ratings of a user, median", number(data.median_of_users, "g"), DASH),
        ("Ratings of a movie, median", number(data.median_of_movies, "g"), DASH),
    ]
    caption = "The data set, here and in the paper. A dash: not known here."
    dataset = table(("", "Here", "Paper"), rows, caption)
    plots = "".join(figures.of_data(found))
    return section(
        "The data",
        f'<div class="narrow">{dataset}</div>\n<div class="columns">{plots}</div>',
    )


def _training(found: Reproduction) -> str:
    settings = found.settings
    tables = "".join(
        table(
            ("Sweep", "Loss", "Train", "Test"),
            [
                (
                    number(row.sweep),
                    number(row.loss, ",.2f"),
                    number(row.train_rmse, ".4f"),
                    number(row.test_rmse, ".4f"),
                )
                for row in course.sweeps
            ],
            f"<b>Table {index}. {MODELS[course.name]}.</b> Loss, and root mean squared "
            "errors in stars.",
        )
        for index, course in enumerate(found.courses, start=1)
    )
    return section(
        "Three models, sweep by sweep",
        f"""
<p>The paper&rsquo;s updates with the paper&rsquo;s values:
{equal("k", number(settings.n_factors))}, {equal("λ", number(settings.error_weight))},
{equal("γ", number(settings.bias_weight))},
{equal("τ", number(settings.factor_weight))}, {number(settings.n_sweeps)} sweeps; it
names no β, and {equal("β", number(settings.feature_weight))} is τ. The three figures
share one vertical axis. The loss never rises, since every update is an exact minimum;
the test error is under no such law.</p>
<div class="columns three">{"".join(figures.of_training(found.courses))}</div>
<div class="columns three">{tables}</div>""",
    )


def _maps(found: Reproduction) -> str:
    return section(
        "Maps of genres and movies",
        f"""
<p>Of the model with genres and with λ in its updates, by the principal axes of its
factors.</p>
<div class="columns">{"".join(figures.of_factors(found))}</div>
{_ends(found.movie_map.axes, "What the axes of Figure 11 are about: their two ends.")}
<details><summary>The two ends of the axes of Figure 10</summary>
{_ends(found.genre_map.axes, "Movies are placed by their factors, genres by W.")}
</details>
<details><summary>The two ends of each genre&rsquo;s direction</summary>
{_ends(found.genre_directions, "A genre's direction is its column of W.")}
</details>""",
    )


def _ends(directions: Sequence[Direction], caption: str) -> str:
    rows = [
        (
            f'<span class="name">{escape(direction.name)}</span>',
            _titles(direction.movies_low),
            _titles(direction.movies_high),
            escape(", ".join(direction.genres_low)),
            escape(", ".join(direction.genres_high)),
        )
        for direction in directions
    ]
    head = "Direction", "Movies, low", "Movies, high", "Genres, low", "Genres, high"
    return table(head, rows, caption, kind="words")


def _dummy_user(found: Reproduction) -> str:
    dummy, settings = found.dummy_user, found.settings
    tables = "".join(
        table(
            ("Movie", "Ratings", "Score"),
            [
                (title(row.title), number(row.n_ratings), number(row.score, ".2f"))
                for row in movies.movies
            ],
            f"<b>{MODELS[movies.name]}</b>",
        )
        for movies in dummy.lists
    )
    beyond = _beyond(dummy.lists[1].movies, found.dataset.highest)
    return section(
        "A dummy user",
        f"""
<p>Somebody who gave {number(dummy.stars, "g")} stars to {title(dummy.title)} and rated
nothing else, placed among the movies by the engine&rsquo;s one solve. Candidates have
{number(settings.least_ratings)} ratings or more. The paper&rsquo;s models order by
predicted stars, which are not held to the scale{beyond}: a single rating decides all
factors of the user, and the movies whose own factors are large come out first. With λ
in the updates it decides less, and without a mean to start from all scores are low. The
last list is what this service shows for the same rating; its scores order and are no
stars.</p>
<div class="columns">{tables}</div>""",
    )


def _beyond(movies: Sequence[MovieRow], highest: float) -> str:
    if not movies or movies[0].score <= highest:
        return ""
    return f" (up to {number(movies[0].score, '.2f')} of {number(highest, 'g')})"


def _polarizing(found: Reproduction) -> str:
    polarizing = found.polarizing
    by_variance = "<b>Table 4.</b> By variance, as in the paper."
    by_excess = "By variance beyond what the mean explains."
    return section(
        "Polarizing movies",
        f"""
<p>Movies with {number(found.settings.least_ratings)} ratings or more, by the variance
of their ratings (equation 12). On a bounded scale a mean near the middle leaves more
room to differ, so the second table ranks by what lies <i>beyond</i> the usual variance
at that mean: {number(polarizing.dispersion, ".0%")} of the most that the scale allows
there, which is the share over all ratings.</p>
<div class="columns">
{_polarizing_table(polarizing.by_variance, by_variance)}
{_polarizing_table(polarizing.by_excess, by_excess)}
</div>""",
    )


def _polarizing_table(movies: Iterable[Polarizing], caption: str) -> str:
    rows = [
        (
            title(movie.title),
            number(movie.n_ratings),
            number(movie.mean, ".2f"),
            number(movie.variance, ".2f"),
            number(movie.expected, ".2f"),
            number(movie.excess, "+.2f"),
        )
        for movie in movies
    ]
    head = "Movie", "Ratings", "Mean", "Variance", "Usual", "Beyond"
    return table(head, rows, caption)


def _votes(found: Reproduction) -> str:
    paper, settings = found.paper, found.settings
    plain = paper.votes.plain
    return section(
        "The A/B test",
        f"""
<p>Two versions of the model, with factors and with factors and genres, λ in the updates
of both, each show their half of the users a list of {number(settings.list_length)}, and
every movie shown gets a like or a dislike. The users are simulated. The click model: a
movie is liked when a rating drawn for it is {number(settings.liked_from, "g")} stars or
more; the rating is normal, with mean and deviation as the engine&rsquo;s own rating
head predicts them, which was trained on all ratings and is neither of the two versions.
{_significance(found.simulation)}</p>
<div class="columns">
{_votes_table(found.simulation, "Here, with simulated users.")}
{_votes_table(paper.votes, "The paper&rsquo;s own counts, tested again.")}
</div>
<p>The paper prints {equal("χ²", number(paper.printed_statistic))} and
{equal("p", number(paper.printed_p))}. That is Pearson&rsquo;s test <strong>with
Yates&rsquo; correction</strong>; without it the same counts give
{number(plain.statistic if plain else None, ".2f")}. Both take every vote as
independent. The votes of one user are not, so with real users the true p would be
larger.</p>""",
    )


def _significance(simulation: Comparison) -> str:
    if simulation.yates is None:
        return "All votes are of one kind here, so there is nothing to test."
    if simulation.yates.p < _SIGNIFICANT:
        return "By the test, the two differ here."
    return "By the test, the difference here is no more than chance would make."


def _votes_table(comparison: Comparison, caption: str) -> str:
    rows = [
        (
            MODELS.get(votes.version, votes.version),
            number(votes.n_users),
            number(votes.likes),
            number(votes.dislikes),
            number(votes.like_share, ".1%"),
        )
        for votes in comparison.votes
    ]
    tests = "".join(
        f"<li>{name}: {equal('χ²', number(test.statistic, '.3f'))}, "
        f"{equal('p', number(test.p, '.5f'))}</li>"
        for name, test in (
            ("Pearson", comparison.plain),
            ("with Yates&rsquo; correction", comparison.yates),
        )
        if test is not None
    )
    votes = table(("Version", "Users", "Likes", "Dislikes", "Liked"), rows, caption)
    return f'<div>{votes}<ul class="tests">{tests}</ul></div>'


def _method(found: Reproduction) -> str:
    settings = found.settings
    return section(
        "How this was done",
        f"""
<ul>
<li><b>One split.</b> The triples of user, movie and rating are split once, at random,
{number(settings.test_share, ".0%")} held out, seed {number(settings.seed)}; the lists
by user and by movie are both made from the part trained on. Splitting those two lists
by separate coin flips, as some programs of this kind do, trains on most of the test
part from the other side.</li>
<li><b>The equations as printed.</b> No update contains λ; it weighs the squared error
of the loss, with γ, τ and β in its unit, and so every update is an exact minimum. W is
the ridge regression of the movies&rsquo; factors on their genres. Predictions are not
clipped to the scale.</li>
<li><b>Read off, not chosen.</b> The best sweep is the best on the test part; it shows
the course and is no honest estimate of a model stopped there.</li>
<li><b>The two public runs.</b> Read from what they show on GitHub:
{_titles(found.paper.others)}.</li>
<li><b>The numbers.</b> All of them stand in full in
<span class="name">reproduction.json</span> beside this page. They depend on the data
and the seed alone.</li>
</ul>""",
    )


def _titles(names: Sequence[str]) -> str:
    return "; ".join(title(name) for name in names)
