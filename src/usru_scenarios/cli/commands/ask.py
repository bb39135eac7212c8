"""`usru ask`: how likely is this, if that?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated

from usru_scenarios.cli import parsers
from usru_scenarios.cli.common import FINDINGS, CommandEnd, OptionError
from usru_scenarios.cli.declarations import Argument, Option
from usru_scenarios.cli.options import RunOptions, StudyOptions
from usru_scenarios.cli.parsers import is_model
from usru_scenarios.cli.session import LocalTableSession
from usru_scenarios.settings import DEFAULT_MODEL, MOST_QUERIES
from usru_scenarios.source_text import SourceText


def ask(
    words: Annotated[
        tuple[str, ...],
        Argument(
            metavar="QUERY... [MODEL]",
            help='Such as "P(reset @ end | do(ukraine_talks=settlement))", one or several; and a model.',
        ),
    ] = (),
    *,
    queries: Annotated[
        tuple[SourceText, ...],
        Option("--queries", metavar="FILE", help="A file of queries, one a line; # begins a comment. Repeatable."),
        parsers.read_text_file,
    ] = (),
    questions: Annotated[bool, Option("--questions", help="All questions of the model, after any queries.")] = False,
    options: StudyOptions,
    run: RunOptions,
    session: LocalTableSession,
) -> None:
    """How likely is this, if that? A probability, or a comparison.

    \b
      P(EVENT @ TIME | CONDITION, CONDITION)
      EVENT      a scenario or group, driver=state, number>0.7; not, and, or, ( )
      TIME       start, end, now, 2026-Q1: at that step
                 mean (the default), 2026, 2026..2027: on average over them
                 ever, always, by 2027: at some, at every, at some up to that step
                 each: in a comparison, which must hold at every step
      CONDITION  do(driver=state @ TIME): imposed, cut off from its causes
                 an EVENT: observed, at the same step or at its own @ TIME
                 profile(id): under that profile
      odds(P(...)), log( ), numbers and + - * / make a number of several
      P(...) > 0.5, 0.1 < P(...) < 0.4: does it hold?

    docs/queries.md has all of the language, each with an example. Several queries, or those of a file, are answered in
    one run, which costs little more than one of them; --do and --given hold for all.

    An answer is an answer: a comparison that fails, or that sampling can't decide, ends with status 0 (see check). Of
    several queries one without an answer, since what is given is impossible or too rare, makes it 1.
    """  # noqa: D301  # \b keeps the lines of the grammar
    from usru_scenarios.results.common import to_warned

    arguments, model = split_queries_and_model(words, any_in_file=bool(queries) or questions)
    names = [f"query {number}" if len(arguments) > 1 else "query" for number in range(1, len(arguments) + 1)]
    texts = [*map(SourceText, names, arguments), *(line for text in queries for line in query_lines(text))]
    if not texts and not questions:
        raise OptionError("the files of --queries have no query", "one a line, such as P(reset @ end)")
    study = session.load(model, options.changes, options.evidence)
    if questions:
        texts += [SourceText(f"question {name}", item.means) for name, item in study.loaded.model.questions.items()]
        if not texts:
            raise OptionError("the model has no questions", "they stand under 'questions' in its file")
    if len(texts) > MOST_QUERIES:
        raise OptionError(f"{len(texts):,} queries are too many", f"the most is {MOST_QUERIES:,}")
    told = map(to_warned, study.outline.warnings)
    settings = {**options.conditions._asdict(), **run.arguments, "map_blocks": session.workers()}
    if len(arguments) == 1 and not queries and not questions:
        result = study.ask(arguments[0], **settings)
        session.warn_about_files(study)
        session.emit(result, told)
        return
    answers = study.answers(texts, **settings)
    session.warn_about_files(study)
    session.emit(answers, told)
    if answers.unanswered:
        raise CommandEnd(FINDINGS)


_ARITHMETIC = re.compile(r"[\s.+*/-]*\d[\d\s.+*/-]*")


def split_queries_and_model(words: Sequence[str], *, any_in_file: bool = False) -> tuple[list[str], str]:
    """The queries among the words after the command, and the model.

    A word is the model if it can be nothing else, or if it has no parenthesis while another one has.

    Raises:
        OptionError: there is no query, or what should be one is in pieces.
    """
    models = [word for word in words if is_model(word) and not _ARITHMETIC.fullmatch(word)]
    queries = [word for word in words if word not in models]
    if any(word.count("(") != word.count(")") for word in queries) and len(queries) > 1:
        raise _unquoted_query_error(queries)
    has_parentheses = any("(" in word for word in queries)
    if not models and (has_parentheses or any_in_file):
        models = [word for word in queries if "(" not in word and not any(map(str.isdigit, word[:1]))]
        queries = [word for word in queries if word not in models]
    if len(models) > 1:
        raise OptionError(f"'{models[1]}' is one model too many", 'usru ask "QUERY" ["QUERY" ...] [MODEL]')
    if not queries and not any_in_file:
        hint = f'such as usru ask "P(reset @ end)" {shlex.join(models)}'
        raise OptionError("there is no query", hint.rstrip())
    if len(queries) > 1 and not has_parentheses:
        raise _unquoted_query_error(queries)
    return queries, models[0] if models else DEFAULT_MODEL


def _unquoted_query_error(words: Sequence[str]) -> OptionError:
    text = " ".join(words)
    if "(" not in text and text.startswith("P "):
        text = f"P({text[2:]})"
    return OptionError(f"'{words[0]}' is no query by itself", f"put the query in quotes: usru ask {shlex.quote(text)}")


def query_lines(file: SourceText) -> Iterator[SourceText]:
    """The queries of a file: its lines, each below as many empty ones as stand before it, so that it knows its place.

    Empty lines and those that begin with # are none; what follows a # is a comment.
    """
    for number, line in enumerate(file.lines):
        query = line.partition("#")[0]
        if query.strip():
            yield SourceText(file.name, "\n" * number + query)
