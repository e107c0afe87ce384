"""Cells of CSV files that no spreadsheet runs as a formula."""

import re

# Spreadsheets skip spaces of any kind first, and read full-width signs as their own.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def guarded(cell: str) -> str:
    """Put a quote mark before a cell that starts like a formula."""
    is_formula = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def unguarded(cell: str) -> str:
    """Remove the quote mark that `guarded` puts before a cell."""
    return cell[1:] if cell.startswith("'") and guarded(cell[1:]) == cell else cell
