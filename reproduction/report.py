"""The report on disk: a page to read, and a JSON file with every number on it."""

import json
from pathlib import Path

from engine import DataError, MovieLens
from reproduction.measurements import reproduce
from reproduction.page import render
from reproduction.progress import OnStep
from reproduction.results import as_plain

PAGE, NUMBERS = "reproduction.html", "reproduction.json"


def write(
    dataset: MovieLens, folder: Path, *, name: str, seed: int, on_step: OnStep
) -> Path:
    """Reproduce the paper and write the report into a new or empty folder.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    DataError
        The folder is not empty or cannot be made, which is checked before any work; or
        the data set is unusable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; name another folder") from error
    if not is_empty:
        raise DataError(f"{folder} is not empty; name a new folder with --out")
    results = reproduce(dataset, name=name, seed=seed, on_step=on_step)
    numbers = json.dumps(
        as_plain(results), indent=1, ensure_ascii=False, allow_nan=False
    )
    (folder / NUMBERS).write_text(numbers + "\n", encoding="utf-8")
    (folder / PAGE).write_text(render(results), encoding="utf-8")
    return folder / PAGE
