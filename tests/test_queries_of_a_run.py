"""Several queries in one run: each is answered as it would be alone, at little more than the cost of one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import usru_scenarios as us
from support.command import HARBOUR, answer, refusal
from usru_scenarios.cli.commands.ask import query_lines, split_queries_and_model
from usru_scenarios.cli.common import OptionError
from usru_scenarios.sampler.likelihood_weighting import sample
from usru_scenarios.source_text import SourceText

QUERIES = [
    "P(open @ end)",
    "P(open @ mean) - P(open @ start)",
    "P(open @ end) > P(open @ start)",
    "P(open @ end | weather=storm @ start)",
    "P(weather=storm @ ever | do(weather=calm @ start))",
    "1 - P(open @ always)",
]


@pytest.mark.parametrize("method", ["sample", "auto"])
def test_each_is_answered_as_it_would_be_alone(method: str) -> None:
    study, run = us.load(HARBOUR), {"trials": 2000 if method == "sample" else None, "method": method}
    together = study.answers(QUERIES, **run)  # type: ignore[arg-type]
    assert together.unanswered == []
    assert together.answers == [study.ask(query, **run) for query in QUERIES]  # type: ignore[arg-type]
    assert repr(together).startswith("<Answers of harbour, P(open @ end) = ")


def test_what_can_share_trials_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return sample(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("usru_scenarios.questions.probability.sample", counted)
    queries = [f"P({scenario} @ {time})" for scenario in ("open", "not open") for time in ("start", "end", "ever")]
    us.load(HARBOUR).answers(queries, trials=500)
    assert len(calls) == 1
    for query in queries:
        us.load(HARBOUR).ask(query, trials=500)
    assert len(calls) == 1 + len(queries)


def test_the_command_gives_one_table_in_every_format(tmp_path: Path) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("# of the harbour\n\nP(open @ end)\n  P(open @ end) > 0.1  # a comparison\n", encoding="utf-8")
    run = ["ask", "P(open @ start)", HARBOUR, "--queries", str(file), "-n", "2000"]
    table = answer(*run)
    assert table.returncode == 0
    assert [line.split("  ")[0] for line in table.stdout.splitlines() if line.startswith("P(")] == [
        "P(open @ start)",
        "P(open @ end)",
        "P(open @ end) > 0.1",
    ]
    rows = list(csv.DictReader(io.StringIO(answer(*run, "-f", "csv").stdout)))
    assert [(row["query"], row["holds"]) for row in rows] == [
        ("P(open @ start)", ""),
        ("P(open @ end)", ""),
        ("P(open @ end) > 0.1", "true"),
    ]
    found = json.loads(answer(*run, "--json").stdout)
    assert [one["value"] for one in found["answers"]] == [float(row["value"]) for row in rows]
    alone = json.loads(answer("ask", "P(open @ start)", HARBOUR, "-n", "2000", "--json").stdout)
    assert found["answers"][0] == alone
    assert {"model": found["model"], "run": found["run"]} == {"model": alone["model"], "run": alone["run"]}


def test_one_without_an_answer_leaves_the_others_theirs() -> None:
    impossible = "P(open | weather=storm @ start, weather=calm @ start)"
    run = ["ask", impossible, "P(open @ end)", HARBOUR, "-n", "500"]
    done = answer(*run)
    assert (done.returncode, done.stderr) == (1, "")
    assert "1: the observation is impossible" in " ".join(done.stdout.split())
    found = json.loads(answer(*run, "--json").stdout)
    assert [one["query"] for one in found["answers"]] == ["P(open @ end)"]
    assert [(one["number"], one["query"]) for one in found["unanswered"]] == [(1, impossible)]
    assert found["run"] == found["answers"][0]["run"]
    rows = list(csv.DictReader(io.StringIO(answer(*run, "-f", "csv").stdout)))
    assert [bool(row["problem"]) for row in rows] == [True, False]


def test_the_run_of_all_has_the_most_trials_and_the_least_that_they_are_worth() -> None:
    seen = "P(open @ start | (weather=storm @ end) and (open @ end))"
    run = ["ask", "P(open @ end)", seen, HARBOUR, "-n", "2000", "--method", "sample", "--json"]
    found = json.loads(answer(*run).stdout)
    runs = [one["run"] for one in found["answers"]]
    assert found["run"]["trials"] == max(one["trials"] for one in runs)
    assert found["run"]["effective_trials"] == min(one["effective_trials"] for one in runs) < 2000
    none = json.loads(answer("ask", *["P(open | weather=storm, weather=calm)"] * 2, HARBOUR, "--json").stdout)
    assert (none["answers"], none["run"]["method"], none["run"]["effective_trials"]) == ([], "exact", None)


def test_all_faulty_ones_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("P(open)\n# nothing\n  P(opne)\nP(open\n", encoding="utf-8")
    said = refusal("ask", "--queries", "queries.txt", HARBOUR, folder=tmp_path)
    assert "queries.txt:3:5: unknown scenario 'opne'\n   3 |   P(opne)\n     |     ^^^^\n" in said
    assert "queries.txt:4:7: missing ')'" in said
    done = answer("ask", "P(open)", "P(opne)", HARBOUR)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "query 2:1:3: unknown scenario 'opne'")


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "the files of --queries have no query"), ("# a\n\n", "have no query"), (None, "can't be read: no such file")],
)
def test_a_file_without_a_query(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "q").write_text(text)
    done = answer("ask", "--queries", str(tmp_path / "q"), HARBOUR)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_lines_know_their_places() -> None:
    found = list(query_lines(SourceText("f", "# a\r\nP(a) # b\n\n P(b)")))
    assert [(one.name, one.text) for one in found] == [("f", "\nP(a) "), ("f", "\n\n\n P(b)")]


@pytest.mark.parametrize(
    ("words", "queries", "model"),
    [
        (["P(a)"], ["P(a)"], "us-russia"),
        (["P(a)", "brief"], ["P(a)"], "brief"),
        (["brief", "P(a)"], ["P(a)"], "brief"),
        (["P(a)", "m.yaml", "P(b)"], ["P(a)", "P(b)"], "m.yaml"),
        (["P(a)", "port"], ["P(a)"], "port"),
        (["1/0", "m.yaml"], ["1/0"], "m.yaml"),
        (["P(a)", "0.5"], ["P(a)", "0.5"], "us-russia"),
        (["reset"], ["reset"], "us-russia"),
    ],
)
def test_queries_and_the_model_stand_in_any_order(words: list[str], queries: list[str], model: str) -> None:
    assert split_queries_and_model(words) == (queries, model)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["P", "reset"], "put the query in quotes: usru ask 'P(reset)'"),
        (["P(reset", "@", "end)"], "put the query in quotes: usru ask 'P(reset @ end)'"),
        (["brief"], 'such as usru ask "P(reset @ end)" brief'),
        ([], 'such as usru ask "P(reset @ end)"'),
        (["P(a)", "brief", "us-russia"], 'usru ask "QUERY" ["QUERY" ...] [MODEL]'),
    ],
)
def test_words_that_are_no_query(words: list[str], hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        split_queries_and_model(words)
    assert caught.value.hint == hint
