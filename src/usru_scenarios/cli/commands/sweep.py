"""`usru sweep`: how do the likelihoods move over a range of a weight, or of any other number of the file?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import RunOptions, StudyOptions
from usru_scenarios.cli.parsers import is_model
from usru_scenarios.cli.session import TableSession
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from usru_scenarios.study import Study


def sweep(
    words: Annotated[
        tuple[str, ...],
        Argument(
            metavar="VARIABLE [VARIABLE] [MODEL]",
            help="What to vary, NAME=LOW..HIGH[:POINTS] or NAME=VALUE,VALUE,..., and a model as in other commands.",
        ),
    ],
    *,
    at: Annotated[
        tuple[str, ...],
        Option("--at", metavar="TIME", help="mean, start, end or a step. Repeatable.  [default: mean and end]"),
    ] = (),
    of: Annotated[
        str | None, Option("--of", metavar="SCENARIO", help="Show this scenario or group alone in table and md.")
    ] = None,
    options: StudyOptions,
    run: Annotated[
        RunOptions,
        Subset(
            without=("judgements",),
            trials="How many trials to draw for each point.  [default: 16384; with two variables 4096]",
        ),
    ],
    session: TableSession,
) -> None:
    """How do the likelihoods move over a range of a number?

    Of a weight or any other number of the file; and where does another future lead?

    \b
      usru sweep domestic_opposition=0..3           the weight of a driver or rule, at 11 points
      usru sweep drivers.sanctions.impacts.eased.reset=-3..3:13
                                                    any number of the file, by its path, at 13
      usru sweep odds_per_point=1.2,1.5,2 my-view.yaml
      usru sweep domestic_opposition=0..3 sanctions=0..3
                                                    a grid, with the likeliest future at each point

    An argument with = is a variable, one without is the model. A value that is swept takes the place of what the file,
    the profile, --set and -w say. A prior is relative odds: as with --set, the others stay and all are normalised.
    Where the likeliest scenario changes, the crossing is sought between the two points, with its standard error.
    """  # noqa: D301  # \b keeps the lines of the examples
    variables, model = split_variables_and_model(words)
    study = session.load(model, options.changes, options.evidence)
    of = check_scenario(of, study)
    conditions = options.conditions._asdict()
    result = study.sweep(variables, at=at, **conditions, **run.arguments, map_blocks=session.workers())
    shown = result if of is None or session.format in ("json", "csv") else result.only(of)
    session.emit(shown, result.warnings)


def check_scenario(name: str | None, study: Study) -> str | None:
    """Check that `--of` names a scenario or group of a model, if it is given, and return it.

    Raises:
        OptionError: the model has none of that name.
    """
    known = [*study.outline.scenarios, *study.program.groups]
    if name is not None and name not in known:
        raise OptionError(
            f"--of '{name}' is no scenario and no group", suggest_name(name, known) or list_choices(known)
        )
    return name


def split_variables_and_model(words: Sequence[str]) -> tuple[list[str], str]:
    """Split words into the variables, which have a `=`, and the model.

    Raises:
        OptionError: there is no variable, or more than one model.
    """
    variables = [word for word in words if "=" in word and not is_model(word)]
    models = [word for word in words if word not in variables]
    if not variables:
        file = next(filter(is_model, words), None)
        if file is None:
            message = f"'{words[0]}' has no values to be varied over"
            raise OptionError(message, f"such as usru sweep {words[0]}=0..3")
        name = next((word for word in words if word != file), "NAME")
        raise OptionError(f"the model '{file}' has no values to be varied over", f"write usru sweep {name}=0..3 {file}")
    if len(models) > 1:
        hint = "usru sweep VARIABLE [VARIABLE] [MODEL], where a variable has a ="
        raise OptionError(f"'{models[1]}' is one argument too many", hint)
    return variables, models[0] if models else DEFAULT_MODEL
