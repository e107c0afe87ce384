"""Cells of CSV files that no spreadsheet runs as a formula."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """Put a quote mark before a cell that starts like a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Remove the quote mark that `guarded` puts before a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
