"""`usru explain`: why does a scenario come true, and what would have to be true for it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.output import Target
from usru_scenarios.cli.progress import Progress
from usru_scenarios.cli.request import ModelRequest
from usru_scenarios.cli.terminal import layout
from usru_scenarios.cli.warnings import warn

if TYPE_CHECKING:
    from usru_scenarios.render import Layout
    from usru_scenarios.results import Explanation
    from usru_scenarios.study import Study

FORMATS = ("text", "json", "md")


def explain(
    context: typer.Context,
    question: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO [@ TIME] [MODEL]",
            help="A scenario or group, the step (the last one if left out), and a model as in other commands.",
        ),
    ],
    *,
    weight: options.Weights = None,
    profile: options.Profile = None,
    assignment: options.Assignments = None,
    sourced_only: options.SourcedOnly = False,
    trials: options.Trials = None,
    seed: options.Seed = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help=f"One of {', '.join(FORMATS)}.  [default: text]"),
    ] = None,
    as_json: options.Json = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Why? What would have to be true for a scenario, and how would it come about?"""
    conduct = options.noted(context, quiet=quiet, debug=debug)
    chosen = options.chosen_format(form, FORMATS, as_json=as_json)
    scenario, model = asked(question)
    request = ModelRequest(model, profile, weight, assignment, sourced_only)
    amount = options.trials(trials), options.seed(seed)
    target = Target.named(output)
    result = execute(request.build(), scenario, *amount, Progress(wanted=not conduct.quiet))
    warn(result.warnings, conduct)
    target.write(rendered(result, chosen, layout(target)))


def asked(words: Sequence[str]) -> tuple[str, str]:
    """The question and the model, whether the time stands in one argument with the scenario or in others.

    Raises:
        Misuse: there are more words than that.
    """
    question, *rest = words
    if rest and (rest[0].startswith("@") or question.rstrip().endswith("@")):
        question += f" {rest.pop(0)}"
    if rest and question.rstrip().endswith("@"):
        question += f" {rest.pop(0)}"
    if len(rest) > 1:
        raise options.Misuse(f"'{rest[1]}' is one argument too many", "usru explain SCENARIO [@ TIME] [MODEL]")
    return question, rest[0] if rest else options.BUNDLED


def execute(study: Study, question: str, trials: int | None, seed: int | None, progress: Progress) -> Explanation:
    """The question, answered; None leaves the number of trials or the seed to its default."""
    from usru_scenarios.analysis.forecast import DEFAULT_SEED

    return study.explain(question, trials=trials, seed=DEFAULT_SEED if seed is None else seed, map_blocks=progress.map)


def rendered(result: Explanation, form: str, paper: Layout) -> str:
    """The explanation in one of the formats."""
    if form == "json":
        from usru_scenarios.render.data import to_json

        return to_json(result.to_dict())
    from usru_scenarios.render import explain as render

    return (render.md if form == "md" else render.text)(result, paper)
