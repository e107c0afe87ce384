"""The paper's eleven figures, drawn by matplotlib as SVG without outside resources."""

import re
from collections.abc import Iterable
from io import StringIO
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter, MaxNLocator
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import Axes3D, proj3d

from engine.data.movielens import split_title
from reproduction.models import WITH_LAMBDA
from reproduction.results import Reproduction

PALETTE = {
    "paper": ("#fbfaf6", "#15171b"),
    "ink": ("#1e1d1a", "#e9e6df"),
    "soft": ("#5d5a52", "#a8a59c"),
    "rule": ("#dcd8cc", "#363a41"),
    "grid": ("#e9e6dc", "#2a2e35"),
    "mark": ("#35618f", "#7fb0e0"),
    "test": ("#b4452c", "#f0906f"),
    "cloud": ("#7d9cbb", "#56789b"),
}
"""The page's colors by name, light and dark. In the SVG they are the page's variables,
so that one drawing fits both themes."""
_, _INK, _SOFT, _RULE, _GRID, _MARK, _TEST, _CLOUD = (
    light for light, _ in PALETTE.values()
)
STYLE: dict[Any, Any] = {
    "axes.edgecolor": _RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": _SOFT,
    "axes.prop_cycle": f"cycler(color=['{_MARK}', '{_TEST}'])",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same everywhere
    "font.size": 8,
    "grid.color": _GRID,
    "legend.frameon": False,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "text.color": _INK,
    "text.parse_math": False,  # a title may contain dollar signs
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}
_WIDTH = 5.2  # inches; the page scales drawings to its columns
_NAMED_AT_AN_END = 3
_PLACES = [
    (dx, dy, alignment)
    for distance in (1, 2.2, 3.4)
    for dx, dy, alignment in (
        (6 * distance, 0, "left"), (-6 * distance, 0, "right"),
        (0, 9 * distance, "center"), (0, -9 * distance, "center"),
        (5, 7 * distance, "left"), (-5, 7 * distance, "right"),
        (5, -7 * distance, "left"), (-5, -7 * distance, "right"),
    )
]  # fmt: skip
"""Where a name may stand beside its point, in points of type; the first is best."""
_N_CLOSE = 8  # places so close that they need no leader
_LEADER = {
    "arrowstyle": "-", "color": _SOFT, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2,
}  # fmt: skip


def draw(results: Reproduction) -> dict[int, str]:
    """Draw all figures as SVG, by the paper's numbers."""
    with rc_context(STYLE):
        genres = results.genres.sort_values("name", ascending=False, kind="stable")
        names = genres["name"]
        means = genres.set_index("name")["mean"].dropna()
        top = results.top_movies[::-1]
        figures = {
            1: draw_rating_counts(results.rating_counts),
            2: draw_movie_sizes(results.movie_sizes),
            3: draw_means(means.sort_values(kind="stable")),
            4: draw_bars(names, genres["n_movies"]),
            5: draw_bars(names, genres["n_ratings"]),
            6: draw_bars(top["title"], top["n_ratings"]),
            10: draw_genre_map(results.genre_map.points),
            11: draw_movie_map(results.movie_map.points),
        }
        figures |= dict(enumerate(draw_training(results.sweeps), start=7))
        return {number: as_svg(figures[number], number) for number in sorted(figures)}


def as_svg(figure: Figure, number: int) -> str:
    """Write a figure as an element of the page, in the page's colors."""
    file = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": f"figure {number}"}):  # ids unique on the page
        figure.savefig(file, format="svg", metadata=nothing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    for name, (light, _) in PALETTE.items():
        svg = svg.replace(light, f"var(--{name})")
    return svg


def draw_rating_counts(counts: pd.DataFrame) -> Figure:
    """Draw Figure 1: ratings by number of stars."""
    figure, axes = _figure(3)
    axes.bar([f"{stars:g}" for stars in counts["stars"]], counts["n_ratings"])
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="stars", ylabel="ratings")
    return figure


def draw_movie_sizes(sizes: pd.DataFrame) -> Figure:
    """Draw Figure 2: movies by number of ratings, on logarithmic axes."""
    figure, axes = _figure(3)
    axes.loglog(sizes["n_ratings"], sizes["n_movies"], "o", color=_CLOUD, markersize=3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
    axes.minorticks_off()
    axes.set(xlabel="ratings of a movie", ylabel="movies")
    return figure


def draw_means(means: "pd.Series[float]") -> Figure:
    """Draw Figure 3: one dot per row, on an axis that need not start at zero."""
    figure, axes = _figure(0.6 + 0.2 * len(means))
    axes.plot(means, range(len(means)), "o", markersize=5)
    for row, mean in enumerate(means):
        _annotate(axes, f"{mean:.2f}", (mean, row), (6, 0, "left"))
    axes.set_yticks(range(len(means)), list(means.index))
    axes.tick_params(axis="y", labelcolor=_INK, length=0)
    axes.margins(x=0.1, y=0.03)
    axes.set_xlabel("mean rating, stars")
    return figure


def draw_bars(names: "pd.Series[str]", values: "pd.Series[int]") -> Figure:
    """Draw Figures 4 to 6: bars in falling order, each with its value."""
    rows = pd.DataFrame({"name": names, "value": values})
    rows = rows.sort_values("value", kind="stable")
    figure, axes = _figure(0.2 + 0.2 * len(rows))
    bars = axes.barh(range(len(rows)), rows["value"], height=0.7)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_yticks(range(len(rows)), [_shortened(name, 34) for name in rows["name"]])
    axes.tick_params(axis="y", labelcolor=_INK, length=0)
    axes.margins(x=0.12, y=0.01)
    axes.grid(visible=False)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    return figure


def draw_training(sweeps: pd.DataFrame) -> list[Figure]:
    """Draw Figures 7 to 9: RMSE by sweep on one common axis, and the loss below."""
    printed = sweeps[~sweeps["model"].str.endswith(WITH_LAMBDA)]
    errors = printed[["train_rmse", "test_rmse"]]
    low, high = float(errors.min().min()), float(errors.max().max())
    margin = (high - low) * 0.08
    return [
        _draw_model(printed[printed["model"] == name], (low - margin, high + margin))
        for name in printed["model"].unique()
    ]


def _draw_model(sweeps: pd.DataFrame, limits: tuple[float, float]) -> Figure:
    figure = Figure(figsize=(3.6, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for column, name in (("train_rmse", "train"), ("test_rmse", "test")):
        label = f"{name}: {sweeps[column].iloc[-1]:.3f}"
        above.plot(sweeps["sweep"], sweeps[column], label=label)
    above.set(ylim=limits, ylabel="RMSE, stars")
    figure.legend(loc="outside upper right", ncols=2)
    below.plot(sweeps["sweep"], sweeps["loss"], color=_SOFT)
    below.yaxis.set_major_formatter(EngFormatter(sep=""))
    below.set(xlabel="sweep", ylabel="loss")
    below.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.align_ylabels()
    return figure


def draw_genre_map(points: pd.DataFrame) -> Figure:
    """Draw Figure 10: genres in three dimensions, each on a stem above the floor."""
    figure = Figure(figsize=(_WIDTH, 4.6))
    axes = Axes3D(figure, rect=(0.02, 0.02, 0.96, 0.96))
    figure.add_axes(axes)
    coordinates = [points[f"axis {number}"] for number in (1, 2, 3)]
    axes.set_proj_type("ortho")
    axes.view_init(elev=22, azim=-60)
    axes.set_box_aspect(None, zoom=1.1)
    axes.stem(*coordinates, linefmt=_RULE, markerfmt="none", basefmt="none",
              bottom=coordinates[2].min())  # fmt: skip
    axes.plot(*coordinates, "o", markersize=4)
    for number, axis in enumerate((axes.xaxis, axes.yaxis, axes.zaxis), start=1):
        axis.set_label_text(f"axis {number}")
        axis.labelpad = -9
        axis.set_ticklabels([])
        axis.set_pane_color("none")
        axis.set_tick_params(color=_RULE)
    figure.draw_without_rendering()
    x, y, _ = proj3d.proj_transform(*coordinates, axes.get_proj())
    write_names(axes, zip(x, y, points["name"], strict=True))
    return figure


def draw_movie_map(points: pd.DataFrame) -> Figure:
    """Draw Figure 11: movies in two dimensions, those furthest out named."""
    figure = Figure(figsize=(_WIDTH, 4.6))
    axes = figure.add_axes(
        (0.06, 0.06, 0.92, 0.92), aspect="equal", adjustable="datalim"
    )
    outermost = _outermost(points)
    rest = points.drop(outermost.index)
    axes.plot(rest["axis 1"], rest["axis 2"], "o", color=_CLOUD, alpha=0.6,
              markersize=2.4, markeredgewidth=0)  # fmt: skip
    axes.plot(outermost["axis 1"], outermost["axis 2"], "o", markersize=4)
    axes.tick_params(labelleft=False, labelbottom=False, length=0)
    axes.margins(0.12)
    axes.set(xlabel="axis 1", ylabel="axis 2")
    figure.draw_without_rendering()
    names = [_shortened(split_title(title)[0], 26) for title in outermost["name"]]
    write_names(axes, zip(outermost["axis 1"], outermost["axis 2"], names, strict=True))
    return figure


def _outermost(points: pd.DataFrame) -> pd.DataFrame:
    """Pick the points furthest out at both ends of each axis."""
    picked: set[int] = set()
    for axis in points.columns[1:]:
        order = points[axis].sort_values(kind="stable").index
        picked.update(order[:_NAMED_AT_AN_END], order[-_NAMED_AT_AN_END:])
    return points.loc[sorted(picked)]


def write_names(axes: Axes, points: Iterable[tuple[float, float, str]]) -> list[Bbox]:
    """Write each name beside its point, off other points and names if possible.

    Returns
    -------
    list of Bbox
        Where the names stand, in pixels.
    """
    points = list(points)
    spots = axes.transData.transform([(x, y) for x, y, _ in points])
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in spots]
    names = []
    for x, y, name in points:
        label = _annotate(axes, name, (x, y), _PLACES[0])
        costs = []
        for place in _PLACES:
            _move(label, place)
            box = label.get_window_extent()
            outside = 4 - axes.figure.bbox.count_contains(box.corners())
            costs.append(box.count_overlaps(taken) + len(points) * outside)
        best = costs.index(min(costs))
        _move(label, _PLACES[best])
        if best >= _N_CLOSE:
            axes.annotate("", (x, y), _PLACES[best][:2], textcoords="offset points",
                          arrowprops=_LEADER)  # fmt: skip
        names.append(label.get_window_extent())
        taken.append(names[-1])
    return names


def _annotate(
    axes: Axes, text: str, point: tuple[float, float], place: tuple[float, float, str]
) -> Annotation:
    label = axes.annotate(text, point, (0, 0), textcoords="offset points", va="center")
    _move(label, place)
    return label


def _move(label: Annotation, place: tuple[float, float, str]) -> None:
    dx, dy, alignment = place
    label.set(position=(dx, dy), horizontalalignment=alignment)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
