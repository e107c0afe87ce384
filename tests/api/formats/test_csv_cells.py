"""Cells that no spreadsheet runs as a formula."""

import pytest

from api.formats.csv_cells import guarded, unguarded


@pytest.mark.parametrize(
    "cell",
    ["=1+1", " =1+1", "\u00a0=1+1", "\uff1d1+1", "\u3000@x", "-1+1", "+a", "\t=1"],
)
def test_a_cell_that_a_spreadsheet_would_run_is_guarded_and_comes_back(cell):
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", ["-1.5", "+3", "4,5", "Alien", "'quoted'", ""])
def test_numbers_and_words_stay_as_they_are(cell):
    assert guarded(cell) == cell
    assert unguarded(cell) == cell
