"""`usru plot`: a picture of a forecast, or of the answer to another question."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from usru_scenarios.charts import DEFAULT_WIDTH, KINDS, WIDTH_BOUNDS, chart
from usru_scenarios.cli import parsers
from usru_scenarios.cli.commands import compare as compare_command
from usru_scenarios.cli.commands import ledger as ledger_command
from usru_scenarios.cli.commands import sweep as sweep_command
from usru_scenarios.cli.commands.compare import VariantOptions
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import EvidenceOptions, ModelOptions, RunOptions, format_option
from usru_scenarios.cli.parsers import is_model
from usru_scenarios.cli.pictures import PICTURES, draw, load_renderer
from usru_scenarios.cli.session import Session
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.settings import DEFAULT_MODEL, DEFAULT_TOP

if TYPE_CHECKING:
    from usru_scenarios.results.ledger import History
    from usru_scenarios.study import Study

_FORMATS = (*PICTURES, "vega", "mermaid", "dot")
_GRAPHS = ("mermaid", "dot")
_MOST_BYTES = 1 << 28
"""Of a saved result."""

_EVIDENCE_OPTIONS = ("evidence", "as_of")
_RUN_OPTIONS = ("trials", "seed", "method", "judgements")
_MODEL_OPTIONS = ("profile", "weight", "set", "sourced-only", "recalibrate")
_OPTIONS_BY_QUESTION: dict[str, tuple[str, ...]] = {
    "simulate": (*_MODEL_OPTIONS, "do", "given", *_EVIDENCE_OPTIONS, *_RUN_OPTIONS),
    "compare": (*_MODEL_OPTIONS, "variant", "do", "given", *_EVIDENCE_OPTIONS, *_RUN_OPTIONS),
    "sweep": (*_MODEL_OPTIONS, "at", "of", "do", "given", *_EVIDENCE_OPTIONS, "trials", "seed", "method"),
    "sensitivity": (*_MODEL_OPTIONS, "at", "of", "top", "do", "given", *_EVIDENCE_OPTIONS, "trials", "seed", "method"),
    "watch": (*_MODEL_OPTIONS, "on", "for", "of", "top", "do", "given", *_EVIDENCE_OPTIONS, "trials", "seed", "method"),
    "history": ("at", "ledger", *_EVIDENCE_OPTIONS),
    "show": _MODEL_OPTIONS,
}
"""The options of each question."""


class _PlotOptions(NamedTuple):
    """The options of the question whose answer is drawn.

    Attributes:
        words: the arguments after the name of the chart.
        by_name: the options of single questions, by name; those that are not given are None or empty.
        shared: what is changed in the file, and what is imposed.
        run: how it is run.
    """

    words: tuple[str, ...]
    by_name: dict[str, Any]
    shared: VariantOptions
    run: RunOptions


def plot(
    words: Annotated[
        tuple[str, ...],
        Argument(metavar="[CHART] [MODEL]", help=f"{', '.join(KINDS)}; and a model as in other commands."),
    ] = (),
    *,
    saved: Annotated[
        str | None, Option("--from", metavar="FILE", help="Draw a result that was saved by --json; - reads it.")
    ] = None,
    width: Annotated[
        int,
        Option("--width", metavar="PIXELS", help=f"How wide; a PNG has twice as many.  [default: {DEFAULT_WIDTH}]"),
        partial(parsers.parse_bounded_number, least=WIDTH_BOUNDS[0], most=WIDTH_BOUNDS[1]),
    ] = DEFAULT_WIDTH,
    profile: Annotated[
        tuple[str, ...],
        Option("--profile", "-p", metavar="NAME", help="A profile of the file; for compare repeatable."),
    ] = (),
    variant: Annotated[
        tuple[str, ...], Option("--variant", metavar="'NAME: OPTIONS'", help="For compare: as in usru compare.")
    ] = (),
    of: Annotated[
        str | None, Option("--of", metavar="SCENARIO", help="For sensitivity, sweep and watch: this one alone.")
    ] = None,
    at: Annotated[
        tuple[str, ...],
        Option(
            "--at", metavar="TIME", help="For sensitivity, sweep, history: mean, a step, ...; for sweep repeatable."
        ),
    ] = (),
    on: Annotated[str | None, Option("--on", metavar="STEP", help="For watch: when the observation is made.")] = None,
    horizon: Annotated[str | None, Option("--for", metavar="STEP", help="For watch: when the forecast is for.")] = None,
    top: Annotated[
        int | None,
        Option("--top", metavar="N", help=f"For sensitivity and watch: so many; 0 for all.  [default: {DEFAULT_TOP}]"),
        parsers.parse_count,
    ] = None,
    ledger: Annotated[
        str | None, Option("--ledger", metavar="DIR", help="For history: the ledger.  [default: forecasts]")
    ] = None,
    shared: Annotated[VariantOptions, Subset("weights", "overrides", "do", "given", "sourced_only", "recalibrate")],
    evidence: EvidenceOptions,
    run: Annotated[
        RunOptions, Subset(trials="How many trials to draw.  [default: as many as the command of the question]")
    ],
    session: Annotated[Session, Subset(formats=format_option(_FORMATS), without=("wide", "as_json", "cluster"))],
) -> None:
    """Draw a picture: SVG, PNG, PDF, HTML or Vega-Lite.

    Of a forecast, or of the answer to another question, with the options of its command.

    \b
      usru plot -o forecast.svg                     each scenario over time, with the band
      usru plot drivers brief -o drivers.png        the states of each driver; first-visits likewise
      usru plot compare -w sanctions=2 -o two.svg   variants side by side
      usru plot sweep domestic_opposition=0..3 -o sweep.pdf
      usru plot sensitivity --of reset -o reset.svg
                                                    how far each driver moves it; watch likewise
      usru plot history --ledger DIR -o kept.svg    what was forecast, over the days of the records
      usru plot influences -o matrix.svg            what acts on what; -f mermaid or -f dot: a graph
      usru simulate --json -o run.json; usru plot --from run.json -o run.svg

    The ending of -o says the format. Pictures need the extra pictures (pip install 'usru-scenarios[pictures]'); the
    specification (-f vega, or .json) needs nothing.
    """  # noqa: D301  # \b keeps the lines of the examples
    by_name: dict[str, Any] = {"profile": profile, "variant": variant, "of": of, "at": at, "on": on, "for": horizon}
    by_name |= {"top": top, "ledger": ledger, "evidence": evidence.file, "as_of": evidence.as_of}
    name, rest = _split_chart_name(words)
    options = _PlotOptions(rest, by_name, shared, run)
    form = session.format
    if form in _GRAPHS and name is not None and name != "influences":
        raise OptionError(
            f"the chart {name} has no format {form}", f"{list_choices(_FORMATS[:-2])}; influences has {form}"
        )
    if form in PICTURES:
        load_renderer()
        if form in ("png", "pdf") and session.output.is_terminal:
            message = f"a picture in {form} is no text for a terminal"
            raise OptionError(message, f"give a file: -o {name or 'forecast'}.{form}")
    if saved is not None:
        name, result = _load_saved_result(saved, name, options)
    else:
        name = name or ("influences" if form in _GRAPHS else "forecast")
        result = _ask_question(name, options, session)
    if form in _GRAPHS:
        from usru_scenarios.charts import show

        session.output.write(getattr(show, form)(result))
        return
    specification = _make_specification(name, result, width, DEFAULT_TOP if top is None else top, saved)
    if form == "vega":
        from usru_scenarios.report.data import to_json

        session.output.write(to_json(specification))
    else:
        session.output.write_bytes(draw(specification, form))


def _split_chart_name(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Split words into the name of a chart, if there is one, and the others.

    Raises:
        OptionError: the first word is nearly the name of a chart, or one of two or more that is none.
    """
    if not words:
        return None, ()
    first, *rest = words
    if first in KINDS:
        return first, tuple(rest)
    hint = suggest_name(first, KINDS)
    if not is_model(first) and not Path(first).is_file() and (hint or rest):
        raise OptionError(f"there is no chart '{first}'", hint or list_choices(KINDS))
    return None, tuple(words)


def _flag(option: str) -> str:
    """An option as it is written on the command line."""
    return f"--{option.replace('_', '-')}"


# Results that are saved -----------------------------------------------------------------------------------------------


def _load_saved_result(file: str, name: str | None, options: _PlotOptions) -> tuple[str, Any]:
    """The name of a chart, by default one that fits, and the result in a file.

    Raises:
        OptionError: something else is asked for, or the file holds nothing that can be drawn like that.
    """
    from usru_scenarios.schemas import NotAResultError, parse_result

    meaningless = [f"'{word}'" for word in options.words] or [
        *(_flag(option) for option, value in options.by_name.items() if value and option != "top"),
        *("what changes the file or is observed" for value in options.shared if value),
        *map(_flag, options.run.arguments),
    ]
    if meaningless:
        message = f"{meaningless[0]} has no meaning for a result that is saved"
        raise OptionError(message, "leave it out, or leave out --from")
    try:
        kind, result = parse_result(_read_json(file))
    except NotAResultError as error:
        raise OptionError(f"--from '{file}': {error}", error.hint) from None
    fitting = [chart_name for chart_name, chart_kind in KINDS.items() if chart_kind.output == kind]
    if not fitting:
        outputs = dict.fromkeys(chart_kind.output for chart_kind in KINDS.values())
        raise OptionError(f"--from '{file}': there is no chart of a result of the kind {kind}", list_choices(outputs))
    if name is not None and name not in fitting:
        raise OptionError(f"--from '{file}': a result of the kind {kind} has no chart {name}", list_choices(fitting))
    if kind == "sensitivity" and result.moves is None:
        raise OptionError(f"--from '{file}' does not say which driver moves it", "save it with --question moves")
    if kind == "history" and (fault := _find_history_fault(result)):
        raise OptionError(f"--from '{file}' {fault}", "was it changed by hand?")
    return name or fitting[0], result


def _find_history_fault(result: History) -> str:
    """The end of a message on what can't be drawn of a history; empty where all can."""
    numbers = {record.number for record in result.records}
    unknown = {point.number for series in result.series.values() for point in series.points} - numbers
    resolved = [series.resolution.resolved for series in result.series.values() if series.resolution]
    for day in (*(record.date for record in result.records), *resolved):
        try:
            date.fromisoformat(day)
        except ValueError:
            return f"has the day '{day}', which is none"
    return f"has no record {min(unknown)}" if unknown else ""


def _read_json(file: str) -> Any:
    try:
        if file == "-":
            text = sys.stdin.read(_MOST_BYTES)
        else:
            with Path(file).open(encoding="utf-8-sig") as opened:
                text = opened.read(_MOST_BYTES)
        return json.loads(text)
    except OSError as error:
        raise OptionError(f"--from '{file}' can't be read: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError):
        hint = "such as that of usru simulate --json -o run.json"
        raise OptionError(f"--from '{file}' is no JSON", hint) from None


def _make_specification(name: str, result: Any, width: int, top: int, saved: str | None) -> dict[str, Any]:
    """The specification of a chart.

    Raises:
        OptionError: the result was read from a file, and its parts do not fit together, in a way that no type says.
    """
    try:
        return chart(name, result, width, top)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if saved is None:
            raise
        message = f"--from '{saved}': its parts do not fit together ({type(error).__name__}: {error})"
        raise OptionError(message, "was it changed by hand?") from error


# Results that are asked for -------------------------------------------------------------------------------------------


def _ask_question(name: str, options: _PlotOptions, session: Session) -> Any:
    """The answer that a chart draws; its warnings are written.

    Raises:
        OptionError: an option has no meaning for the chart.
    """
    question = KINDS[name].question
    _refuse_other_options(name, question, options)
    words, by_name, shared, run = options
    evidence = EvidenceOptions(by_name["evidence"], by_name["as_of"])
    if question == "history":
        at = _single_value("--at", by_name["at"])
        return ledger_command.load_history(by_name["ledger"] or ledger_command.FOLDER, words, at, evidence, session)
    if question == "compare":
        variants = compare_command.parse_variants(words, by_name["profile"], by_name["variant"], shared)
        comparison = compare_command.compare_variants(variants, run, session, evidence)
        session.warn(run.select_warnings(comparison.warnings))
        return comparison
    variables: list[str] = []
    if question != "sweep":
        if len(words) > 1:
            raise OptionError(f"'{words[1]}' is one argument too many", f"usru plot {name} [MODEL]")
        model = words[0] if words else DEFAULT_MODEL
    elif words:
        variables, model = sweep_command.split_variables_and_model(words)
    else:
        raise OptionError("the chart sweep takes what is to be varied", "such as usru plot sweep sanctions=0..3")
    profile = _single_value("--profile", by_name["profile"])
    changes = ModelOptions(shared.weights, profile, shared.overrides, shared.sourced_only, shared.recalibrate)
    study = session.load(model, changes, evidence)
    if question == "show":
        return study.overview
    session.warn_about_files(study)
    result = _ask_study(study, question, variables, options, session)
    session.warn(run.select_warnings(result.warnings))
    return result


def _ask_study(study: Study, question: str, variables: list[str], options: _PlotOptions, session: Session) -> Any:
    by_name, shared = options.by_name, options.shared
    settings = {"do": shared.do, "given": shared.given, **options.run.arguments, "map_blocks": session.workers()}
    match question:
        case "simulate":
            return study.simulate(**settings)
        case "sweep":
            scenario = sweep_command.check_scenario(by_name["of"], study)
            result = study.sweep(variables, at=by_name["at"], **settings)
            return result if scenario is None else result.only(scenario)
        case "sensitivity":
            at = _single_value("--at", by_name["at"])
            return study.sensitivity(by_name["of"], at, questions=("moves",), **settings)
        case _:
            return study.watch(on=by_name["on"], horizon=by_name["for"], of=by_name["of"], **settings)


def _refuse_other_options(name: str, question: str, options: _PlotOptions) -> None:
    """Refuse options that have no meaning for a chart.

    Raises:
        OptionError: there is one.
    """
    shared = options.shared
    values = {**options.by_name, "do": shared.do, "given": shared.given, **options.run.arguments}
    values |= {"weight": shared.weights, "set": shared.overrides, "sourced-only": shared.sourced_only or None}
    values |= {"recalibrate": shared.recalibrate or None}
    for option, value in values.items():
        if value not in (None, ()) and option not in _OPTIONS_BY_QUESTION[question]:
            charts = [chart for chart, kind in KINDS.items() if option in _OPTIONS_BY_QUESTION[kind.question]]
            message = f"{_flag(option)} has no meaning for the chart {name}"
            raise OptionError(message, f"it is for {list_choices(charts)}")


def _single_value(option: str, several: Sequence[str]) -> str | None:
    """The only value of an option of which other charts take several; None where there is none.

    Raises:
        OptionError: there are several.
    """
    if len(several) > 1:
        raise OptionError(f"{option} is given {len(several)} times", "this chart takes one")
    return several[0] if several else None
