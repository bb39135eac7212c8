"""`python -m bench`: measure, print, and keep what was measured."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.measure import ONE_THREAD

SECTIONS = ("static", "dynamic", "growth", "startup", "commands", "memory")
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> None:
    """Run the sections that are asked for."""
    options = _parser().parse_args(arguments)
    for name in ONE_THREAD:  # before numpy is loaded
        os.environ[name] = "1"
    from bench.report import as_csv, as_markdown, summary
    from bench.suite import Suite

    suite = Suite(
        options.rounds or (3 if options.quick else 7), quick=options.quick, full=options.full, earlier=options.earlier
    )
    for section in options.only or SECTIONS:
        getattr(suite, section)()
    report = as_markdown(suite)
    sys.stdout.write(report)
    folder = options.out or (None if options.quick or options.only else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.csv").write_text(as_csv(suite.rows), encoding="utf-8")
        (folder / "bench.md").write_text(report, encoding="utf-8")
        (folder / "summary.md").write_text(summary(suite), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure this project and its peers on the same models, in one run.",
        epilog="A whole run is kept in bench/results; a quick one or a part of one only where --out says.",
    )
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section; may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds that are timed (default: 7, quick 3)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small, to see that all works")
    size.add_argument("--full", action="store_true", help="up to 1e7 trials of 24 steps, memory at 1e8; takes long")
    parser.add_argument("--earlier", type=Path, metavar="CHECKOUT", help="of a version to hold the questions against")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to keep bench.csv and bench.md")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
