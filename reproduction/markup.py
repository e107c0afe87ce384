"""The few forms that the report's HTML is made of."""

from collections.abc import Iterable, Sequence
from html import escape

DASH = "&ndash;"


def number(value: float | None, spec: str = ",") -> str:
    """Write a number with its exact value beside what is shown; a dash for none."""
    if value is None:
        return DASH
    return f'<data value="{value!r}">{value:{spec}}</data>'


def equal(symbol: str, value: str) -> str:
    """Write a value of a symbol, on one line."""
    return f'<span class="formula">{symbol} = {value}</span>'


def title(name: str) -> str:
    """Write a movie's title."""
    return f"<cite>{escape(name)}</cite>"


def section(heading: str, body: str) -> str:
    """Write one part of the report."""
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>"


def figure(index: int, heading: str, caption: str, drawing: str) -> str:
    """Put a heading and what to see in it over a drawing."""
    words = f"<b>Figure {index}. {heading}.</b> {caption}"
    return f"<figure><figcaption>{words}</figcaption>{drawing}</figure>\n"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str,
    *,
    kind: str = "numbers",
) -> str:
    """Write a table; its first column names the rows. It scrolls where it must."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "\n".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="table" tabindex="0"><table class="{kind}">'
        f"<caption><span>{caption}</span></caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{lines}\n</tbody></table></div>\n"
    )
