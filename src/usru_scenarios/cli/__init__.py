"""The `usru` command: flags, files and exit statuses.

A command is one small module that goes through the same named steps: parse (typer reads the arguments), build (the
model is loaded), execute (the question is asked), emit (the answer is rendered and written). What a command needs is
imported inside it, so that `usru --help` costs next to nothing.
"""

from __future__ import annotations

from usru_scenarios.cli.execution import main

__all__ = ["main"]
