"""`cinefold simulate-ab` prints what the engine measures."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from engine.experiments.simulation import RAO_SCOTT, Trial, fixed_horizon

SMALL = ("--experiments", "200", "--users", "60", "--days", "6", "--seed", "3")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "api.commands.main", "simulate-ab", *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"COLUMNS": "100"},
    )


def test_it_redoes_the_papers_table_and_measures_error_rates():
    printed = run(*SMALL).stdout

    assert "| A       | 353   | 147      | 70.6%      |" in printed
    assert "with Yates' correction: 9.82, p = 0.00173" in printed
    assert "Pearson's chi-square: 10.24, p = 0.00138" in printed
    rates = fixed_horizon(
        Trial(n_users=60), n_experiments=200, rng=np.random.default_rng(3)
    )
    rejected = next(rate.rejected for rate in rates if rate.name == RAO_SCOTT)
    first_row = next(line for line in printed.splitlines() if RAO_SCOTT in line)
    assert f"| {rejected:.2%}" in first_row
    assert "| confidence sequence " in printed


def test_an_impossible_simulation_is_one_line():
    failed = run("--correlation", "1.5")

    assert failed.returncode == 1
    assert failed.stderr.strip() == "correlation is 1.5; it must be between 0 and 1"
