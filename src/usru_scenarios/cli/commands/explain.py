"""`usru explain`: why does a scenario come true, and what would have to be true for it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Subset
from usru_scenarios.cli.options import RunOptions, StudyOptions
from usru_scenarios.cli.parsers import is_likelier_model
from usru_scenarios.cli.session import LocalTableSession
from usru_scenarios.settings import DEFAULT_MODEL


def explain(
    question: Annotated[
        tuple[str, ...],
        Argument(
            metavar="SCENARIO [@ TIME] [MODEL]",
            help="A scenario or group, the step (the last one if left out), and a model as in other commands.",
        ),
    ],
    *,
    options: StudyOptions,
    run: Annotated[RunOptions, Subset("trials", "seed", "method")],
    session: LocalTableSession,
) -> None:
    """Why does a scenario come true, and what would have to be true?"""
    scenario, model = split_question_and_model(question)
    study = session.load(model, options.changes, options.evidence)
    result = study.explain(scenario, **options.conditions._asdict(), **run.arguments, map_blocks=session.workers())
    session.warn_about_files(study)
    session.emit(result, result.warnings)


def split_question_and_model(words: Sequence[str]) -> tuple[str, str]:
    """Split words into the question and the model; its time may stand in one word with the scenario or in others.

    Raises:
        OptionError: there are more words than that.
    """
    if len(words) > 1 and is_likelier_model(words[0], words[-1]):
        words = [*words[1:], words[0]]
    question, *rest = words
    if rest and (rest[0].startswith("@") or question.rstrip().endswith("@")):
        question += f" {rest.pop(0)}"
    if rest and question.rstrip().endswith("@"):
        question += f" {rest.pop(0)}"
    if len(rest) > 1:
        raise OptionError(f"'{rest[1]}' is one argument too many", "usru explain SCENARIO [@ TIME] [MODEL]")
    return question, rest[0] if rest else DEFAULT_MODEL
