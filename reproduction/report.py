"""The report on disk: a page to read, and a JSON file of every number on it."""

import json
from dataclasses import asdict
from pathlib import Path

from engine import DataError, MovieLens
from reproduction.measure import OnStep, reproduce
from reproduction.page import render

PAGE, NUMBERS = "reproduction.html", "reproduction.json"


def write(
    dataset: MovieLens, folder: Path, *, name: str, seed: int, on_step: OnStep
) -> Path:
    """Redo the paper and write the report into a new or empty folder.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    DataError
        The folder holds something, or cannot be made; said before any work is done.
        Or the data set is unusable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; name another folder") from error
    if not is_empty:
        raise DataError(f"{folder} is not empty; name a new folder with --out")
    found = reproduce(dataset, name=name, seed=seed, on_step=on_step)
    numbers = json.dumps(asdict(found), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / NUMBERS).write_text(numbers + "\n", encoding="utf-8")
    (folder / PAGE).write_text(render(found), encoding="utf-8")
    return folder / PAGE
