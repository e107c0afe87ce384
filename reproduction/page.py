"""The report as one HTML file: no script, nothing fetched, light and dark.

The templates take every number from a `Reproduction` and write it with the filter
`number`, which keeps the exact value in the markup. They compute nothing.
"""

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reproduction.figures import PALETTE, draw
from reproduction.models import WITH_LAMBDA
from reproduction.results import Reproduction

_TITLES = {
    "bias": "Biases alone",
    "latent": "Biases and factors",
    "features": "Biases, factors and genres",
    "ranking head": "Cinefold's ranking head",
}


def render(results: Reproduction) -> str:
    """Write the whole page."""
    environment = Environment(
        loader=PackageLoader("reproduction"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": write_number, "model": write_model}
    return environment.get_template("page.html").render(
        results=results,
        drawings={
            number: Markup(svg)  # noqa: S704 - matplotlib escapes the texts it draws
            for number, svg in draw(results).items()
        },
        palette=PALETTE,
        models=results.models.set_index("model").T.to_dict(),
    )


def write_number(value: float | None, spec: str = ",") -> Markup:
    """Write a number with its exact value in the markup; a dash if there is none."""
    if value is None or pd.isna(value):
        return Markup("&ndash;")
    exact = np.asarray(value).item()  # NumPy's numbers have another repr
    return Markup('<data value="{!r}">{}</data>').format(exact, f"{exact:{spec}}")


def write_model(name: str) -> str:
    """Write a model's name for readers; the paper's "A" and "B" stay as they are."""
    title = _TITLES.get(name.removesuffix(WITH_LAMBDA), name)
    return f"{title}, λ in the updates" if name.endswith(WITH_LAMBDA) else title
