"""`usru page`: one file for readers, in which they move weights and see what follows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Option, Subset
from usru_scenarios.cli.options import Do, EvidenceOptions, Model, ModelOptions, RunOptions
from usru_scenarios.cli.session import Session
from usru_scenarios.settings import DEFAULT_MODEL
from usru_scenarios.version import __version__

if TYPE_CHECKING:
    from usru_scenarios.questions.page.question import PageData

_STANDARD_INPUT = "-"


def page(
    model: Model = DEFAULT_MODEL,
    *,
    do: Do = (),
    carried: Annotated[
        int | None,
        Option(
            "--carried",
            metavar="N",
            help="How many trials the page carries of each reading, at least 256.  [default: 4096]",
        ),
        parsers.parse_whole_number,
    ] = None,
    evidence: EvidenceOptions,
    changes: ModelOptions,
    run: RunOptions,
    session: Annotated[Session, Subset(without=("formats", "as_json", "wide"))],
) -> None:
    """One HTML file in which readers move the weights themselves.

    It needs no network, and fits into a mail. Readers can take a profile of the file, move the weights of drivers and
    rules, and say what has been seen; the page says how to get the same in a terminal. What --evidence says has been
    seen holds in all of it.

    \b
      usru page -o page.html
      usru page my-view.yaml -p optimist --do sanctions=eased -o page.html
    """  # noqa: D301  # \b keeps the lines of the examples
    if session.output.is_terminal:
        raise OptionError("a page is for a browser, not for a terminal", "add -o page.html")
    study = session.load(model, changes, evidence)
    data = study.page(carried=carried, do=do, **run.arguments, map_blocks=session.workers())
    session.warn_about_files(study)
    from usru_scenarios.page import render_page

    name = f"{data.about['name']}.yaml" if model == _STANDARD_INPUT else Path(model).name  # readers have other folders
    texts = {
        **data.about,
        "extends": name,
        "command": {"model": shlex.quote(name), "options": _simulate_options(changes, do, evidence, run)},
        "footer": _page_footer(data),
    }
    html = render_page(texts, data.arrays)
    session.output.write(html)
    views = data.about["views"]
    trials = views[0]["sample"]["trials"]
    readings = "1 reading" if len(views) == 1 else f"{len(views)} readings"
    size = f"{len(html.encode()) / 1000:,.0f} KB"
    session.say(f"{session.output}: {size}, {readings} of the file, {trials:,} trials of each")


def _simulate_options(
    changes: ModelOptions, do: tuple[str, ...], evidence: EvidenceOptions, run: RunOptions
) -> list[str]:
    """The options of `usru simulate` for what holds in all of the page; a profile is chosen in it."""
    repeated = {"--set": changes.overrides, "-w": changes.weights, "--do": do}
    options = [f"{name} {shlex.quote(value)}" for name, values in repeated.items() for value in values]
    if changes.sourced_only:
        options.append("--sourced-only")
    if changes.recalibrate:
        options.append("--recalibrate")
    if evidence.file is not None:
        options.append(f"--evidence {shlex.quote(Path(evidence.file).name)}")
    if evidence.as_of is not None:
        options.append(f"--as-of {shlex.quote(evidence.as_of)}")
    return [*options, *(f"--{name} {shlex.quote(str(value))}" for name, value in run.arguments.items())]


def _page_footer(data: PageData) -> str:
    about, forecast = data.about, data.about["views"][0]["forecast"]
    method = "Exact" if forecast["method"] == "exact" else f"{forecast['trials']:,} trials"
    draws = f" under {forecast['judgements']} draws of the judgements" if forecast["judgements"] else ""
    return (
        f"{method}{draws}, seed {forecast['seed']}. Cite as: {about['title']} (model {about['name']} "
        f"{about['sha256'][:8]}), usru {__version__}. The likelihoods follow from the judgements in the file, not from "
        "data."
    )
