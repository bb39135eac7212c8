"""`usru report`: a forecast as one document to hand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from usru_scenarios.charts import DEFAULT_WIDTH, WIDTH_BOUNDS, chart
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Subset
from usru_scenarios.cli.options import (
    ConditionOptions,
    Model,
    ModelOptions,
    RunOptions,
    StudyOptions,
    format_option,
    trials_option,
)
from usru_scenarios.cli.output import write_together
from usru_scenarios.cli.pictures import NoPicturesError, draw, picture_description
from usru_scenarios.cli.session import Session
from usru_scenarios.problems import ImpossibleEvidence, TooFewTrials
from usru_scenarios.settings import DEFAULT_MODEL, Method

if TYPE_CHECKING:
    from usru_scenarios.report.document import Figure
    from usru_scenarios.report.dossier import Dossier
    from usru_scenarios.results.sensitivity import Question, Sensitivity
    from usru_scenarios.results.simulate import Simulation
    from usru_scenarios.study import Study

_Trials = trials_option("How many trials to draw.  [default: as each question's command]")


def report(
    model: Model = DEFAULT_MODEL,
    *,
    options: StudyOptions,
    run: Annotated[RunOptions, Subset(trials=_Trials)],
    session: Annotated[Session, Subset(formats=format_option(("md", "html")), without=("as_json", "wide", "cluster"))],
) -> None:
    """One document to hand on: the forecast and what it rests on.

    The likelihoods in a sentence, a picture and a table; what drives them and what to watch; what they rest on, how
    they were computed, what they are not, and how to cite them.

    \b
      usru report -o report.html                    one file, which fetches nothing
      usru report my-view.yaml -p optimist -o report.md
                                                    with its picture beside it, report.svg

    Pictures need the extra pictures (pip install 'usru-scenarios[pictures]'); without it there is none.
    """  # noqa: D301  # \b keeps the lines of the examples
    if session.format == "html" and session.output.is_terminal:
        raise OptionError("a page is for a browser, not for a terminal", "add -o report.html")
    picture_file = _picture_file(session)
    dossier = _make_dossier(model, options, run, session)
    from usru_scenarios.report import dossier as documents

    if session.format == "html":
        from usru_scenarios.report.html import render_page

        session.output.write(render_page(documents.report(dossier, _embedded_figure(dossier.simulation, session))))
        return
    from usru_scenarios.report.markdown import render_markdown

    specification = chart("forecast", dossier.simulation, DEFAULT_WIDTH)
    svg = None if picture_file is None else _draw_svg(specification, session)
    if picture_file is None or svg is None or session.output.path is None:
        session.output.write(render_markdown(documents.report(dossier)))
        return
    from usru_scenarios.report.document import Figure

    picture = Figure(picture_description(specification), picture_file.name)
    write_together({picture_file: svg, session.output.path: render_markdown(documents.report(dossier, picture))})


def _make_dossier(model: str, options: StudyOptions, run: RunOptions, session: Session) -> Dossier:
    """Ask the questions of the document, and write the warnings of the forecast."""
    from usru_scenarios.report.dossier import Dossier

    conditions, evidence, changes = options
    base = session.load(model, changes)
    [study] = session.attach_evidence(evidence, base)
    session.warn_about_files(study)
    workers = session.workers()
    shared: dict[str, Any] = {name: value for name, value in run.arguments.items() if name in ("trials", "seed")}
    shared["map_blocks"] = workers
    method: Method = "sample" if run.arguments.get("method") == "sample" else "auto"  # what is exact is not so for all
    simulation = study.simulate(**conditions._asdict(), **run.arguments, map_blocks=workers)
    session.warn(run.select_warnings(simulation.warnings))
    return Dossier(
        simulation,
        _sensitivity(study, base, conditions, **shared),
        study.watch(method=method, **conditions._asdict(), **shared),
        study.sources(),
        tuple(_describe_changes(changes)),
    )


def _sensitivity(study: Study, base: Study, conditions: ConditionOptions, **settings: Any) -> Sensitivity:
    """What matters given what is observed; without that where too few trials agree with it.

    The forecast may be exact then, where this is never.
    """
    questions: tuple[Question, ...] = ("drivers", "judgements")
    try:
        return study.sensitivity(questions=questions, **conditions._asdict(), **settings)
    except (ImpossibleEvidence, TooFewTrials):
        return base.sensitivity(questions=questions, do=conditions.do, **settings)


def _describe_changes(changes: ModelOptions) -> Iterator[str]:
    yield from (f"weight {text}" for text in changes.weights)
    yield from changes.overrides
    if changes.sourced_only:
        yield "points that cite no claim of a document are 0"
    if changes.recalibrate:
        yield "baselines are solved for the anchor again"


# Its picture ----------------------------------------------------------------------------------------------------------


def _draw_svg(specification: dict[str, Any], session: Session) -> str | None:
    """The picture; None, with a note to the user, where what draws it is not installed or can't run."""
    try:
        return draw(specification, "svg").decode()
    except NoPicturesError as error:
        session.say(f"note: without its picture: {error.message.removeprefix('usru: ')} ({error.hint})")
        return None


def _embedded_figure(result: Simulation, session: Session) -> Figure | None:
    """The picture as a part of a page, for wide and for narrow screens."""
    from usru_scenarios.report.document import Figure

    wide = chart("forecast", result, DEFAULT_WIDTH)
    if (svg := _draw_svg(wide, session)) is None:
        return None
    narrow = draw(chart("forecast", result, WIDTH_BOUNDS[0]), "svg")
    return Figure(picture_description(wide), _data_url(svg.encode()), _data_url(narrow))


def _data_url(svg: bytes) -> str:
    import base64

    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _picture_file(session: Session) -> Path | None:
    """The file for the picture of a document in Markdown; None where it is no file by itself.

    Raises:
        OptionError: there is another file of that name, which is no picture of ours.
    """
    if session.format != "md" or session.output.path is None or not session.output.suffix:
        return None
    path = session.output.path.with_suffix(".svg")
    if path.exists():
        head = ""
        with suppress(OSError, UnicodeDecodeError):
            head = path.read_text("utf-8")[:4096]
        if "data-specification=" not in head:
            raise OptionError(f"{path.name} is there already, and no picture of usru", "give another name by -o")
    return path
