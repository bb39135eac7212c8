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
from usru_scenarios.cli.commands import compare as comparing
from usru_scenarios.cli.commands import ledger as keeping
from usru_scenarios.cli.commands import sweep as sweeping
from usru_scenarios.cli.commands.compare import VariantOptions
from usru_scenarios.cli.common import OptionError
from usru_scenarios.cli.declarations import Argument, Option, Subset
from usru_scenarios.cli.options import EvidenceOptions, ModelOptions, RunOptions, format_option
from usru_scenarios.cli.parsers import is_model
from usru_scenarios.cli.pictures import PICTURES, drawn, load_renderer
from usru_scenarios.cli.session import Session
from usru_scenarios.problems import list_choices, suggest_name
from usru_scenarios.settings import DEFAULT_MODEL, DEFAULT_TOP

if TYPE_CHECKING:
    from usru_scenarios.results.ledger import History

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
    """What is asked of the model that is drawn.

    Attributes:
        words: the arguments behind the name of the chart.
        about: the options of questions, by name; those that are not given are None or empty.
        shared: what is changed in the file, and what is imposed.
        run: how it is run.
    """

    words: tuple[str, ...]
    about: dict[str, Any]
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
        partial(parsers.bounded, least=WIDTH_BOUNDS[0], most=WIDTH_BOUNDS[1]),
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
        parsers.count,
    ] = None,
    ledger: Annotated[
        str | None, Option("--ledger", metavar="DIR", help="For history: the ledger.  [default: forecasts]")
    ] = None,
    shared: Annotated[VariantOptions, Subset("weights", "overrides", "do", "given", "sourced_only", "recalibrate")],
    known: EvidenceOptions,
    run: Annotated[
        RunOptions, Subset(trials="How many trials to draw.  [default: as many as the command of the question]")
    ],
    session: Annotated[Session, Subset(form=format_option(_FORMATS), without=("wide", "as_json", "cluster"))],
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
    about: dict[str, Any] = {"profile": profile, "variant": variant, "of": of, "at": at}
    about |= {"on": on, "for": horizon, "top": top, "ledger": ledger}
    name, rest = _split_chart_name(words)
    form = session.format
    if form in _GRAPHS and name is not None and name != "influences":
        raise OptionError(
            f"the chart {name} has no format {form}", f"{list_choices(_FORMATS[:-2])}; influences has {form}"
        )
    if form in PICTURES:
        load_renderer()
        if form in ("png", "pdf") and session.output.is_terminal:
            raise OptionError(
                f"a picture in {form} is no text for a terminal", f"give a file: -o {name or 'forecast'}.{form}"
            )
    asked = _PlotOptions(rest, {**about, **known._asdict()}, shared, run)
    if saved is not None:
        name, result = _load_saved_result(saved, name, asked)
    else:
        name = name or ("influences" if form in _GRAPHS else "forecast")
        result = _ask_question(name, asked, session)
    if form in _GRAPHS:
        from usru_scenarios.charts import show

        session.output.write(getattr(show, form)(result))
        return
    specification = _make_specification(name, result, width, DEFAULT_TOP if top is None else top, saved)
    if form == "vega":
        from usru_scenarios.report.data import to_json

        session.output.write(to_json(specification))
    else:
        session.output.write_bytes(drawn(specification, form))


def _split_chart_name(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The chart, if one is named, and the other words.

    Raises:
        OptionError: the first word is nearly the name of a chart, or one of two or more that is none.
    """
    if not words:
        return None, ()
    first, *rest = words
    if first in KINDS:
        return first, tuple(rest)
    near = suggest_name(first, KINDS)
    if not is_model(first) and not Path(first).is_file() and (near or rest):
        raise OptionError(f"there is no chart '{first}'", near or list_choices(KINDS))
    return None, tuple(words)


# Results that are saved -----------------------------------------------------------------------------------------------


def _load_saved_result(file: str, name: str | None, asked: _PlotOptions) -> tuple[str, Any]:
    """The chart and the result of a file.

    Raises:
        OptionError: something else is asked for, or the file holds nothing that can be drawn like that.
    """
    from usru_scenarios.schemas import NotAResultError, result_of

    given = [f"'{word}'" for word in asked.words] or [
        *(f"--{one}" for one, value in asked.about.items() if value and one != "top"),
        *("what changes the file or is observed" for value in asked.shared if value),
        *(f"--{one}" for one in asked.run.asked),
    ]
    if given:
        raise OptionError(f"{given[0]} has no meaning for a result that is saved", "leave it out, or leave out --from")
    try:
        kind, result = result_of(_read_json(file))
    except NotAResultError as error:
        raise OptionError(f"--from '{file}': {error}", error.hint) from None
    fitting = [one for one, about in KINDS.items() if about.output == kind]
    if not fitting:
        known = dict.fromkeys(about.output for about in KINDS.values())
        raise OptionError(f"--from '{file}': there is no chart of a result of the kind {kind}", list_choices(known))
    if name is not None and name not in fitting:
        raise OptionError(f"--from '{file}': a result of the kind {kind} has no chart {name}", list_choices(fitting))
    if kind == "sensitivity" and result.moves is None:
        raise OptionError(f"--from '{file}' does not say which driver moves it", "save it with --question moves")
    if kind == "history" and (fault := _find_history_fault(result)):
        raise OptionError(f"--from '{file}' {fault}", "was it changed by hand?")
    return name or fitting[0], result


def _find_history_fault(result: History) -> str:
    """What can't be drawn of a history; empty where all can."""
    numbers = {one.number for one in result.records}
    unknown = {point.number for one in result.series.values() for point in one.points} - numbers
    resolved = [one.resolution.resolved for one in result.series.values() if one.resolution]
    for day in (*(one.date for one in result.records), *resolved):
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
        raise OptionError(
            f"--from '{saved}': its parts do not fit together ({type(error).__name__}: {error})",
            "was it changed by hand?",
        ) from error


# Results that are asked for -------------------------------------------------------------------------------------------


def _ask_question(name: str, asked: _PlotOptions, session: Session) -> Any:
    """The answer that a chart draws, with its warnings said.

    Raises:
        OptionError: an option has no meaning for the chart.
    """
    question = KINDS[name].question
    _refuse_other_options(name, question, asked)
    shared, about = asked.shared, asked.about
    known = EvidenceOptions(about["evidence"], about["as_of"])
    if question == "compare":
        sides = comparing.parse_variants(asked.words, about["profile"], about["variant"], shared)
        return _warned(comparing.compare_variants(sides, asked.run, session, known), asked, session)
    if question == "sweep":
        if not asked.words:
            raise OptionError("the chart sweep takes what is to be varied", "such as usru plot sweep sanctions=0..3")
        variables, model = sweeping.split_variables_and_model(asked.words)
    elif question == "history":
        at = _single_value("--at", about["at"])
        return keeping.load_history(about["ledger"] or keeping.FOLDER, asked.words, at, known, session)
    else:
        model = _model(name, asked.words)
    profile = _single_value("--profile", about["profile"])
    changes = ModelOptions(shared.weights, profile, shared.overrides, shared.sourced_only, shared.recalibrate)
    study = session.load(model, changes, known)
    if question == "show":
        return study.overview
    session.remark(study)
    how = {"do": shared.do, "given": shared.given, **asked.run.asked, "map_blocks": session.workers()}
    match question:
        case "simulate":
            result: Any = study.simulate(**how)
        case "sweep":
            of = sweeping.check_scenario(about["of"], study)
            swept = study.sweep(variables, at=about["at"], **how)
            result = swept if of is None else swept.only(of)
        case "sensitivity":
            result = study.sensitivity(about["of"], _single_value("--at", about["at"]), questions=("moves",), **how)
        case _:
            result = study.watch(on=about["on"], horizon=about["for"], of=about["of"], **how)
    return _warned(result, asked, session)


def _warned(result: Any, asked: _PlotOptions, session: Session) -> Any:
    session.warn(asked.run.news(result.warnings))
    return result


def _refuse_other_options(name: str, question: str, asked: _PlotOptions) -> None:
    """Refuse options that have no meaning for a chart.

    Raises:
        OptionError: there is one.
    """
    shared = asked.shared
    given = {one: value not in (None, ()) for one, value in asked.about.items()}
    given |= {"do": bool(shared.do), "given": bool(shared.given), **dict.fromkeys(asked.run.asked, True)}
    given |= {"weight": bool(shared.weights), "set": bool(shared.overrides), "sourced-only": shared.sourced_only}
    given |= {"recalibrate": shared.recalibrate}
    for option, there in given.items():
        if there and option not in _OPTIONS_BY_QUESTION[question]:
            charts = [one for one, kind in KINDS.items() if option in _OPTIONS_BY_QUESTION[kind.question]]
            raise OptionError(
                f"--{option.replace('_', '-')} has no meaning for the chart {name}", f"it is for {list_choices(charts)}"
            )


def _single_value(option: str, several: Sequence[str]) -> str | None:
    """The one value of an option that other charts may have several of.

    Raises:
        OptionError: there are several.
    """
    if len(several) > 1:
        raise OptionError(f"{option} is given {len(several)} times", "this chart takes one")
    return several[0] if several else None


def _model(name: str, words: Sequence[str]) -> str:
    if len(words) > 1:
        raise OptionError(f"'{words[1]}' is one argument too many", f"usru plot {name} [MODEL]")
    return words[0] if words else DEFAULT_MODEL
