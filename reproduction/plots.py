"""Plots as inline SVG, drawn for a width of 400 units.

Nine pictures of five kinds do not earn a plotting library: matplotlib alone would
weigh more than all other dependencies, and its SVG carries colours of its own where
these take theirs from the page, so that one file is right in light and dark.

Marks have classes and no colours. A number that is printed beside a mark carries its
exact value as ``data-value``; numbers on axes are class ``tick``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TypeAlias

WIDTH = 400.0
_ROW = 17.0  # height of a row of horizontal bars
_EM = 6.7  # mean width of a letter at the size of labels

Rows: TypeAlias = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Scale:
    """A straight line from values to positions."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Position of a value; the middle where all values are the same."""
        if self.high == self.low:
            return (self.start + self.stop) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round values inside, about four."""
        wanted = ((self.high - self.low) or 1.0) / 4
        power = 10.0 ** math.floor(math.log10(wanted))
        step = power * min((1, 2, 5, 10), key=lambda n: abs(n * power - wanted))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(n * step, 10) for n in range(first, last + 1)]


def columns(rows: Rows, *, describe: str, horizontal: str, vertical: str) -> str:
    """Draw upright bars, labelled below: a distribution over few values."""
    height, left, bottom = 230.0, 46.0, 190.0
    scale = Scale(0, max(value for _, value in rows), bottom, 14)
    parts = [_horizontal_grid(scale, left)]
    step = (WIDTH - left) / len(rows)
    for index, (label, value) in enumerate(rows):
        x, y = left + index * step, scale(value)
        parts.append(_rect("bar", x + step * 0.1, y, step * 0.8, bottom - y))
        parts.append(_text(x + step / 2, bottom + 15, label, anchor="middle"))
    parts.append(_text((left + WIDTH) / 2, height - 4, horizontal, "axis", "middle"))
    parts.append(_text(0, 9, vertical, "axis"))
    return _svg(height, parts, describe)


def bars(rows: Rows, *, describe: str, spec: str = ",.0f") -> str:
    """Draw bars from zero to the right, the longest first, each with its value."""
    left = _room_for([label for label, _ in rows])
    scale = Scale(0, max(value for _, value in rows), left, WIDTH - 52)
    parts = []
    for index, (label, value) in enumerate(rows):
        y = index * _ROW
        parts.append(_text(left - 6, y + 12, _shortened(label), "label", "end"))
        parts.append(_rect("bar", left, y + 2.5, scale(value) - left, _ROW - 5))
        parts.append(_value(scale(value) + 5, y + 12, value, spec))
    return _svg(len(rows) * _ROW + 2, parts, describe)


def dots(rows: Rows, *, describe: str, horizontal: str, spec: str = ".2f") -> str:
    """Draw one dot a row, on an axis that need not start at zero."""
    left = _room_for([label for label, _ in rows])
    values = [value for _, value in rows]
    margin = (max(values) - min(values)) * 0.06
    scale = Scale(min(values) - margin, max(values) + margin, left, WIDTH - 34)
    bottom = len(rows) * _ROW
    parts = []
    for tick in scale.ticks():
        parts.append(_line("grid", scale(tick), 0, scale(tick), bottom))
        parts.append(_text(scale(tick), bottom + 13, f"{tick:g}", anchor="middle"))
    for index, (label, value) in enumerate(rows):
        y = index * _ROW + _ROW / 2
        parts.append(_text(left - 6, y + 4, _shortened(label), "label", "end"))
        parts.append(_line("stem", left, y, scale(value), y))
        parts.append(_dot("dot", scale(value), y, 4))
        parts.append(_value(scale(value) + 8, y + 4, value, spec))
    parts.append(_text((left + WIDTH) / 2, bottom + 28, horizontal, "axis", "middle"))
    return _svg(bottom + 32, parts, describe)


def log_log(
    points: Sequence[tuple[float, float]],
    *,
    describe: str,
    horizontal: str,
    vertical: str,
) -> str:
    """Draw points on two logarithmic axes; all values are at least 1."""
    height, left, bottom = 230.0, 40.0, 190.0
    logs = [(math.log10(x), math.log10(y)) for x, y in points]
    across = Scale(0, max(x for x, _ in logs), left + 8, WIDTH - 8)
    up = Scale(0, max(y for _, y in logs), bottom - 6, 18)
    parts = []
    for power in range(math.floor(up.high) + 1):
        parts.append(_line("grid", left, up(power), WIDTH, up(power)))
        parts.append(_text(left - 5, up(power) + 4, _short(10**power), anchor="end"))
    for power in range(math.floor(across.high) + 1):
        parts.append(_line("grid", across(power), 14, across(power), bottom))
        label = _short(10**power)
        parts.append(_text(across(power), bottom + 15, label, anchor="middle"))
    parts += [_dot("cloud", across(x), up(y), 2.2) for x, y in logs]
    parts.append(_text((left + WIDTH) / 2, height - 4, horizontal, "axis", "middle"))
    parts.append(_text(0, 9, vertical, "axis"))
    return _svg(height, parts, describe)


def lines(
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    describe: str,
    domain: tuple[float, float],
    height: float = 210.0,
    spec: str = ".3f",
) -> str:
    """Draw values by sweep; each line is named at its end, with its last value."""
    left, right, bottom = 40.0, WIDTH - 84, height - 36
    n = max(len(values) for _, values in series)
    across, up = Scale(1, n, left + 4, right), Scale(*domain, bottom, 6)
    parts = [_horizontal_grid(up, left, right)]
    parts += [
        _text(across(tick), bottom + 15, f"{tick:g}", anchor="middle")
        for tick in [1, *Scale(0, n, 0, 1).ticks()[1:]]
    ]
    heights = _apart([up(values[-1]) for _, values in series], 13)
    for (name, values), y in zip(series, heights, strict=True):
        spots = [(across(i), up(value)) for i, value in enumerate(values, start=1)]
        parts.append(_path("polyline", f"line {name}", spots))
        parts.append(_dot(name, *spots[-1], 3))
        parts.append(_text(right + 8, y + 4, name, f"label {name}"))
        parts.append(_value(right + 42, y + 4, values[-1], spec))
    parts.append(_text((left + right) / 2, height - 4, "sweep", "axis", "middle"))
    return _svg(height, parts, describe)


def plane(
    points: Sequence[tuple[float, float]],
    named: Sequence[tuple[int, str]],
    *,
    describe: str,
) -> str:
    """Draw a cloud of points in two dimensions, one unit both ways; name some."""
    (left, right), (low, high) = (
        _reach(values) for values in zip(*points, strict=True)
    )
    wide = WIDTH - 44  # the rest is for the axis's name
    unit = min(wide / (right - left), WIDTH / (high - low))
    height = unit * (high - low) + 26
    middle, half = (left + right) / 2, wide / unit / 2
    across = Scale(middle - half, middle + half, 0, wide)
    up = Scale(low, high, height - 4, 22)
    parts = [
        _line("grid", across(0), 22, across(0), height),
        _line("grid", 0, up(0), wide, up(0)),
    ]
    numbers = {index for index, _ in named}
    parts += [
        _dot("cloud", across(x), up(y), 1.8)
        for index, (x, y) in enumerate(points)
        if index not in numbers
    ]
    spots = [(across(points[i][0]), up(points[i][1]), name) for i, name in named]
    parts += [_dot("dot", x, y, 3) for x, y, _ in spots]
    parts += _names(spots, height)
    parts.append(_text(WIDTH, up(0) + 4, "axis 1", "axis", "end"))
    parts.append(_text(across(0), 14, "axis 2", "axis", "middle"))
    return _svg(height, parts, describe)


def space(points: Sequence[tuple[str, Sequence[float]]], *, describe: str) -> str:
    """Draw named points in three dimensions, each on a stem above a common floor.

    Seen from above and the side, each axis to its own scale. Without perspective, so
    heights can be compared along the stems.
    """
    height = 380.0
    scales = [
        Scale(*_reach(values), -1, 1)
        for values in zip(*(xyz for _, xyz in points), strict=True)
    ]

    def place(x: float, y: float, z: float) -> tuple[float, float]:
        return WIDTH / 2 + (x - y) * 96, 300 - (x + y) * 34 - (z + 1) * 108

    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    parts = [_path("polygon", "floor", [place(x, y, -1) for x, y in corners])]
    parts.append(_line("grid", *place(-1, 0, -1), *place(1, 0, -1)))
    parts.append(_line("grid", *place(0, -1, -1), *place(0, 1, -1)))
    parts.append(_line("floor", *place(-1, 1, -1), *place(-1, 1, 1)))
    spots = []
    for name, xyz in points:
        x, y, z = (scale(value) for scale, value in zip(scales, xyz, strict=True))
        foot, top = place(x, y, -1), place(x, y, z)
        parts += [_line("stem", *foot, *top), _dot("foot", *foot, 1.6)]
        spots.append((*top, name))
    parts += [_dot("dot", x, y, 3.6) for x, y, _ in spots]
    parts += _names(spots, height)
    for text, at, anchor in (
        ("axis 1 →", place(0.1, -1.28, -1), "middle"),
        ("← axis 2", place(-1.28, 0.1, -1), "middle"),
        ("↑ axis 3", place(-1, 1, 1.1), "start"),
    ):
        parts.append(_text(*at, text, "axis", anchor))
    return _svg(height, parts, describe)


_Box: TypeAlias = tuple[float, float, float, float]


def _names(spots: Sequence[tuple[float, float, str]], height: float) -> list[str]:
    """Write a name beside each spot where it covers neither spot nor other name."""
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y, _ in spots]
    parts = []
    for x, y, name in spots:
        text = _shortened(name, 26)
        wide = len(text) * _EM
        choices = [
            (x + dx - wide * share, y + dy, anchor) for dx, dy, share, anchor in _PLACES
        ]
        costs = [
            _overlap((left, base - 9, left + wide, base + 3), taken, height)
            for left, base, _ in choices
        ]
        left, base, anchor = choices[costs.index(min(costs))]
        taken.append((left, base - 9, left + wide, base + 3))
        at = {"start": left, "middle": left + wide / 2, "end": left + wide}[anchor]
        parts.append(_text(at, base, text, "label halo", anchor))
    return parts


_PLACES = (
    (7, 4, 0, "start"), (-7, 4, 1, "end"), (0, -8, 0.5, "middle"),
    (0, 15, 0.5, "middle"), (6, -7, 0, "start"), (-6, -7, 1, "end"),
    (6, 14, 0, "start"), (-6, 14, 1, "end"), (10, -17, 0, "start"),
    (-10, -17, 1, "end"), (10, 24, 0, "start"), (-10, 24, 1, "end"),
)  # fmt: skip
"""Where a name may stand: offset, how much of it lies to the left, anchor."""


def _overlap(box: _Box, taken: Sequence[_Box], height: float) -> float:
    """Area shared with what is there; beyond the edge counts most of all."""
    left, top, right, bottom = box
    beyond = max(0, -left) + max(0, right - WIDTH) + max(0, -top)
    beyond += max(0, bottom - height)
    shared = sum(
        max(0, min(right, r) - max(left, x)) * max(0, min(bottom, b) - max(top, y))
        for x, y, r, b in taken
    )
    return shared + 1_000 * beyond


def _apart(positions: Sequence[float], least: float) -> list[float]:
    """Move positions so far apart that labels do not touch; their order stays."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    moved = list(positions)
    for before, after in pairwise(order):
        lack = least - (moved[after] - moved[before])
        if lack > 0:
            moved[before] -= lack / 2
            moved[after] += lack / 2
    return moved


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value with some room; never empty."""
    room = (max(values) - min(values)) * 0.05 or 1.0
    return min(values) - room, max(values) + room


def _horizontal_grid(scale: Scale, left: float, right: float = WIDTH) -> str:
    parts = []
    for tick in scale.ticks():
        y = scale(tick)
        parts.append(_line("grid", left, y, right, y))
        parts.append(_text(left - 5, y + 4, _short(tick), anchor="end"))
    return "".join(parts)


def _short(tick: float) -> str:
    """Write a number on an axis: 2M, 40k, 1,500 or 0.25."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if tick >= 10 * unit or (tick >= unit and tick % unit == 0):
            return f"{tick / unit:g}{letter}"
    return f"{tick:,.10g}"


def _room_for(labels: Sequence[str]) -> float:
    return max(len(_shortened(label)) for label in labels) * _EM + 10


def _shortened(text: str, most: int = 27) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _svg(height: float, parts: Sequence[str], describe: str) -> str:
    view = f"0 0 {WIDTH:g} {height:g}"
    label = escape(describe, quote=True)
    return (
        f'<svg viewBox="{view}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _text(
    x: float, y: float, text: str, kind: str = "tick", anchor: str = "start"
) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {where}>{escape(text)}</text>'


def _value(x: float, y: float, value: float, spec: str) -> str:
    exact = f'class="value" data-value="{value!r}"'
    return f'<text {exact} x="{x:.1f}" y="{y:.1f}">{value:{spec}}</text>'


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" {size}/>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{kind}" {ends}/>'


def _path(shape: str, kind: str, spots: Sequence[tuple[float, float]]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<{shape} class="{kind}" points="{points}"/>'


def _dot(kind: str, x: float, y: float, radius: float) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'
