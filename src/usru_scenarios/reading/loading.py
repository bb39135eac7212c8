"""A scenario file, read and made ready: overlays, shape, cross-references and claims, with every fault at once."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from copy import copy
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.judgements import dotted_path, judgements
from usru_scenarios.model.outline import NodeOutline, Outline
from usru_scenarios.model.schema import Categorical, Model, Numeric
from usru_scenarios.model.values import describe_value
from usru_scenarios.problems import (
    ModelError,
    Problem,
    Replacement,
    RequestError,
    Span,
    UnreadableInput,
    list_choices,
    merge_warnings,
    suggest_name,
)
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.copies import is_resolved
from usru_scenarios.reading.files import MAXIMUM_BYTES
from usru_scenarios.reading.overlays import Tree, apply_assignment, apply_profile, apply_weight, merge_extended
from usru_scenarios.reading.pydantic_errors import MAXIMUM_FAULTS, MORE_FAULTS, locate, more_faults_problem
from usru_scenarios.reading.recovery import recover_model
from usru_scenarios.reading.register import Register, read_register
from usru_scenarios.reading.yaml_source import read, read_file
from usru_scenarios.results.common import ModelLine
from usru_scenarios.source_text import Mark, SourceText

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.checks import Finding
    from usru_scenarios.reading.files import Inputs
    from usru_scenarios.reading.places import Document, Place
    from usru_scenarios.reading.request import Request

MAXIMUM_PROFILES = 100
"""So many profiles are checked beforehand; of a file with more, the others when they are asked for."""


@dataclass(frozen=True)
class Loaded:
    """A model that is valid, with what it was made from."""

    model: Model
    """Resolved: overlays, profile, assignments and weights are applied."""
    data: dict[str, Any]
    """The same as plain data, in the file's own forms."""
    register: Register | None
    """The claims that the model may cite; None where the file names no register."""
    warnings: tuple[Problem, ...]
    request: Request
    sha256: str
    """Of the resolved model: see `model_digest`."""
    source: SourceText = field(repr=False, compare=False)
    """The text of the file that was asked for, which may extend others."""
    tree: Tree = field(repr=False, compare=False)
    file: ScenarioFile = field(repr=False, compare=False)

    @property
    def path(self) -> Path | None:
        """The file; None for standard input."""
        return self.request.path

    @property
    def inputs(self) -> Inputs:
        """What has been read and looked for, up to now, to resolve models of the file."""
        return dict(self.file.access.inputs)

    def with_profile(self, profile: str) -> Loaded:
        """The model under another profile.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        return self.file.resolve(replace(self.request, profile=profile))

    def as_written(self) -> Loaded:
        """The file without a profile and without weights from outside, which is what its anchor is about."""
        request = replace(self.request, profile=None, weights=())
        return self if request == self.request else self.file.resolve(request)

    @cached_property
    def outline(self) -> Outline:
        """What answers say of the model beside its numbers."""
        return make_outline(self.model, sha256=self.sha256, profile=self.request.profile, warnings=self.warnings)

    def find_span(self, path: KeyPath) -> Span | None:
        """Where a part of the model stands in its files; None where no part of the path is in any."""
        place, keys = locate(self.tree.place, path)
        return place.key_span() if keys else None


def load(request: Request) -> Loaded:
    """Read a model and check all of it, its profiles included.

    Raises:
        UnreadableInput: the file can't be read.
        UnreadableModelError: the file is no text, or past the limits of the format.
        ModelError: the file or a profile of it has faults; with all of them.
        RequestError: the profile is unknown, or what an assignment makes of the file has faults; with all of them.
    """
    return ScenarioFile(request).resolve(request)


def make_outline(
    model: Model, *, sha256: str = "", profile: str | None = None, warnings: tuple[Problem, ...] = ()
) -> Outline:
    """The outline of a resolved model."""
    shares = {name: scenario.baseline.mean if scenario.baseline else 1.0 for name, scenario in model.scenarios.items()}
    total = math.fsum(shares.values())
    return Outline(
        model=ModelLine(model.name, model.title, sha256, model.authors, model.date),
        profile=profile,
        scenarios={name: scenario.title or name for name, scenario in model.scenarios.items()},
        baseline={name: share / total for name, share in shares.items()},
        drivers={name: _node_outline(name, driver) for name, driver in model.drivers.items()},
        consequences={name: _node_outline(name, consequence) for name, consequence in model.consequences.items()},
        rules=tuple(model.rules),
        profiles=tuple(model.profiles),
        uncertain=tuple(dotted_path(judged.path) for judged in judgements(model) if judged.is_uncertain),
        warnings=warnings,
    )


def _node_outline(name: str, node: Categorical | Numeric) -> NodeOutline:
    return NodeOutline(node.title or name, tuple(node.states) if isinstance(node, Categorical) else ())


def model_digest(data: dict[str, Any]) -> str:
    """The SHA-256 of a model's plain data, in hexadecimal; where its claims are kept is no part of what it says.

    The data is written as JSON with sorted keys, no blanks, and whole numbers without a decimal point, so that neither
    the order of keys, comments, quotes nor `1` for `1.0` matter. Rows of `prior_given`, whose order has a meaning, are
    written as a list.
    """
    content = {key: value for key, value in data.items() if key != "sources"}
    text = json.dumps(_canonical(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {
            key: [[name, _canonical(row)] for name, row in value.items()]
            if key == "prior_given" and isinstance(value, dict)
            else _canonical(value)
            for key, value in raw.items()
        }
    if isinstance(raw, list):
        return [_canonical(item) for item in raw]
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


# Reading the file


def _read_input(request: Request, access: Access) -> Document:
    if request.path is not None:
        access.check_model(request.path, request.name)
        document = read_file(request.path, request.name)
    elif sys.stdin is None:
        raise UnreadableInput("standard input is closed")
    else:
        document = read(sys.stdin.buffer.read(MAXIMUM_BYTES + 1), request.name)
    return access.count_document(document)


def _wrong_kind_of_file(document: Document) -> Problem | None:
    """The problem that a file is empty, no map, or by its keys an evidence file or one of a claim register."""
    data, span = document.data, document.place.span()
    if data is None and document.place.value == Mark(0, 0):
        span = Span(document.source.name, 1, 1)
        return Problem("empty_file", "the file is empty", span, "start one with 'usru new'")
    if not isinstance(data, dict):
        message = f"a scenario file is a map of keys such as 'name' and 'drivers', not {describe_value(data)}"
        return Problem("not_a_map", message, span)
    if not data.keys().isdisjoint(("scenarios", "extends", "drivers")):
        return None
    if "evidence" in data:
        hint = f"give the model, and this file by --evidence: usru simulate MODEL --evidence {document.source.name}"
        return Problem("evidence_file", "this is an evidence file, not a scenario file", span, hint)
    if "claims" in data and "usru" not in data:
        hint = "give the scenario file whose 'sources' names the folder of this file"
        return Problem("claim_register", "this is a claim register, not a scenario file", span, hint)
    return None


# Checking


@dataclass(frozen=True)
class _CheckedData:
    """Plain data that has been held against the format: `model` is made of its valid parts."""

    tree: Tree
    model: Model | None
    register: Register | None
    problems: list[Problem]
    is_complete: bool
    """Whether the model is all of the data."""

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def valid_model(self) -> Model | None:
        """The model, where it is all of the data and has no error."""
        return self.model if self.is_complete and not self.errors else None


class ScenarioFile:
    """A file that has been read, with all that it extends, and checked, with all its profiles.

    Models are resolved from it without reading anything again; registers are read once, and what variants have in
    common with the file is validated once.

    Args:
        request: which file it is, and how it is read.
        access: what may be read; it holds what was read, even where that has faults.

    Raises:
        UnreadableInput, UnreadableModelError, ModelError: as for `load`.
    """

    def __init__(self, request: Request, access: Access | None = None) -> None:
        self.access = access or Access.of(request.path, confined=request.confined)
        document = _read_input(request, self.access)
        if (problem := _wrong_kind_of_file(document)) is not None:
            raise ModelError([*document.problems, problem])
        self.source = document.source
        self.registers: dict[Path, tuple[Register, list[Problem]]] = {}
        self.base: _CheckedData | None = None
        tree, problems, is_complete = merge_extended(document, self.access)
        if not is_complete:  # what the file lacks may stand in what could not be read
            faults = recover_model(tree.data, tree.place).faults
            raise ModelError(_sorted([*problems, *(fault.problem for fault in faults if fault.kind != "missing")]))
        self.has_valid_text = not problems
        """Whether the text itself had no fault, so that the data are all that it says."""
        self._set_base(tree, problems)

    def _set_base(self, tree: Tree, problems: list[Problem]) -> None:
        """Take data for the file's own, if they are valid under all of its profiles."""
        self.base = self._check(tree)
        problems += self.base.problems
        self.profiles = dict(self._check_profiles(self.base.tree, problems))
        if any(problem.severity == "error" for problem in problems):
            raise ModelError(_sorted(problems))

    @property
    def tree(self) -> Tree:
        """What the file says, merged with what it extends."""
        assert self.base is not None
        return self.base.tree

    def with_tree(self, tree: Tree) -> ScenarioFile:
        """The same file, if it said something else.

        Raises:
            ModelError: that has faults; with all of them.
        """
        other = copy(self)
        other._set_base(tree, [])  # noqa: SLF001  # it is one of these
        return other

    def resolve(self, request: Request) -> Loaded:
        """The model that is asked for, of this file.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        assert self.base is not None
        checked = self.base if request.profile is None else self._with_profile(self.base.tree, request.profile)
        tree, problems = checked.tree, list[Problem]()
        for argument in request.overrides:
            tree = apply_assignment(tree, argument, problems)
        for argument in request.weights:
            tree = apply_weight(tree, argument, problems)
        if problems:
            raise RequestError(problems)
        if tree is not checked.tree:
            checked = self._check_changed(tree)
        if request.sourced_only and checked.model is not None:
            checked = self._check_changed(_without_inferred_points(checked.model, checked.tree))
        assert checked.model is not None  # data without an error make a model
        return Loaded(
            model=checked.model,
            data=checked.tree.data,
            register=checked.register,
            warnings=_sorted(checked.problems),
            request=request,
            sha256=model_digest(checked.tree.data),
            source=self.source,
            tree=checked.tree,
            file=self,
        )

    def _with_profile(self, tree: Tree, profile: str) -> _CheckedData:
        if profile in self.profiles:
            return self.profiles[profile]
        known = tree.data.get("profiles", {})
        if profile not in known:
            span = SourceText("--profile", profile).span(Mark(0, 0, len(profile)))
            hint = suggest_name(profile, known) or list_choices(known) or "the file has no profiles"
            raise RequestError([Problem("unknown_profile", f"unknown profile '{profile}'", span, hint)])
        problems: list[Problem] = []
        checked = self._check(apply_profile(tree, profile, problems))
        checked = replace(checked, problems=[*problems, *checked.problems])
        if checked.errors:
            raise ModelError(_sorted(checked.problems))
        return checked

    def _check_changed(self, tree: Tree) -> _CheckedData:
        """Check what arguments have made of valid data: what is wrong with it is wrong with them."""
        checked = self._check(tree)
        if checked.errors:
            raise RequestError(_sorted(checked.errors))
        return checked

    def _check_profiles(self, tree: Tree, problems: list[Problem]) -> Iterator[tuple[str, _CheckedData]]:
        """The file under each of its profiles; faults that a profile brings are added to the problems."""
        profiles = tree.data.get("profiles")
        for name in islice(profiles, MAXIMUM_PROFILES) if isinstance(profiles, dict) else ():
            profile_problems: list[Problem] = []
            variant = apply_profile(tree, name, profile_problems)
            if variant is tree and not profile_problems:
                continue
            checked = self._check(variant)
            known = set(problems)
            misspelt = {problem.span for problem in problems if problem.code == "misspelt_name" and problem.span}
            is_counted = any(problem.code == MORE_FAULTS for problem in known)
            new_problems = [
                problem
                for problem in (*profile_problems, *checked.errors)
                if problem not in known
                and not (is_counted and problem.code == MORE_FAULTS)
                and not _follows_from_misspelt(problem, misspelt)
            ]
            problems += _naming_profile(new_problems, name, tree.child("profiles").child(name).place)
            yield name, checked

    def _check(self, tree: Tree) -> _CheckedData:
        """Hold data against the format."""
        from usru_scenarios.reading.checks import (  # not at the top: a file that is recalled is valid
            Context,
            report_at_definitions,
            report_misspelt_names,
            run_checks,
            run_remarks,
        )

        problems: list[Problem] = []
        register = self._read_register(tree, problems)
        recovered = recover_model(tree.data, tree.place, self._with_validated_parts(tree.data))
        model, faults, is_complete, data = recovered
        tree = tree._replace(data=data)
        problems += [fault.problem for fault in faults]
        if model is not None:
            base = self.base
            valid = base.valid_model if base is not None and base.register is register else None
            unchanged = None if base is None or valid is None else Context(valid, base.tree.data, register)
            context = Context(model, data, register, unchanged)
            all_findings, unknown = report_at_definitions(context, run_checks(context), with_pushes=base is None)
            problems += _to_problems(_for_resolved_files(all_findings, tree), tree)
            problems += report_misspelt_names(unknown)
            if self.has_valid_text and is_complete and not any(problem.severity == "error" for problem in problems):
                problems += [
                    problem
                    for problem in _to_problems(run_remarks(context), tree)
                    if base is None or problem in base.problems
                ]
        return _CheckedData(tree, model, register, problems, is_complete)

    def _with_validated_parts(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """The data with what the base has unchanged already validated; None where that spares nothing."""
        base = self.base
        model = None if base is None else base.valid_model
        if base is None or model is None:
            return None
        mixed = dict(data)
        for section in ("scenarios", "drivers", "rules", "consequences", "profiles", "expectations", "questions"):
            before, after = base.tree.data.get(section), data.get(section)
            validated = getattr(model, section)
            if isinstance(before, dict) and after is before:
                mixed[section] = validated
            elif isinstance(before, dict) and isinstance(after, dict):
                mixed[section] = {
                    name: validated[name] if raw is before.get(name) else raw for name, raw in after.items()
                }
        return mixed

    def _read_register(self, tree: Tree, problems: list[Problem]) -> Register | None:
        text = tree.data.get("sources")
        place = tree.place.child("sources")
        if not isinstance(text, str) or place is None:
            return None
        folder, name = self.access.find_register_folder(place.source, text)
        is_lenient = is_resolved(place.source)
        try:
            if folder not in self.registers:
                self.registers[folder] = read_register(folder, name, self.access)
        except UnreadableInput as error:
            if is_lenient:
                hint = "this is a resolved file: its claims are not checked"
                problems.append(Problem("missing_register", str(error), place.span(), hint, "warning"))
            else:
                hint = error.hint or self.access.suggest_path(place.source, text, Path.is_dir)
                problems.append(Problem("missing_register", error.message, place.span(), hint))
            return None
        register, faults = self.registers[folder]
        problems += [replace(fault, severity="warning") for fault in faults] if is_lenient else faults
        if not register.claims and not faults:
            message = f"the claim register '{name}' holds no claims"
            hint = "it is a folder of .yaml or .yml files, each with 'claims'"
            problems.append(Problem("empty_register", message, place.span(), hint, "warning"))
        return register


def _without_inferred_points(model: Model, tree: Tree) -> Tree:
    """The file with 0 for all points that rest on no claim of a document."""
    for judged in judgements(model):
        if judged.role == "points" and judged.is_inferred:
            tree = tree.with_value(judged.path, 0)
    return tree


# Findings as problems


def _for_resolved_files(run_checks: Iterable[Finding], tree: Tree) -> Iterator[Finding]:
    """The findings, less strict on citations in a resolved file, whose claims were checked where it was made.

    A claim that is not there is a warning. A number that had lain over the claims of another file is its author's own.
    """
    for finding in run_checks:
        if finding.code in ("unknown_claim", "contradicted_number"):
            place, _ = locate(tree.place, finding.path)
            if is_resolved(place.source):
                if finding.code == "unknown_claim":
                    yield replace(finding, severity="warning")
                continue
        yield finding


def _to_problems(run_checks: Iterable[Finding], tree: Tree) -> Iterator[Problem]:
    """The findings at their places: all warnings, and of faults as many as are shown, with the number of others.

    Of others nothing but the number is looked for, since a likely right name may take long to find.
    """
    faults: set[tuple[str, str, KeyPath]] = set()
    for finding in run_checks:
        if finding.severity == "error":
            faults.add((finding.code, finding.message, finding.path))
            if len(faults) > MAXIMUM_FAULTS:
                continue
        if (problem := _to_problem(finding, tree)) is not None:
            yield problem
    if len(faults) > MAXIMUM_FAULTS:
        yield more_faults_problem(len(faults) - MAXIMUM_FAULTS)


def _to_problem(finding: Finding, tree: Tree) -> Problem | None:
    """A finding at its place in the text; None where a fault of that place has been reported already."""
    place, _ = locate(tree.place, finding.path)
    if place.has_fault or len({locate(tree.place, path)[0].source for path in finding.joint_paths}) > 1:
        return None
    span = place.key_span() if finding.of_key else place.span()
    hint = finding.hint if isinstance(finding.hint, str) else finding.hint()
    if finding.related_path is not None:
        other = locate(tree.place, finding.related_path)[0].key_span()
        hint = f"{hint}{': ' if hint else ''}the other is at {other}"
    fix: tuple[Replacement, ...] = ()
    if finding.replacement is not None:
        from usru_scenarios.reading.repairs.common import rewrite_entry  # few files have faults

        hint, fix = rewrite_entry(place, finding.replacement)
    message = finding.message
    if finding.used_at:
        uses = [locate(tree.place, path)[0].span() for path in finding.used_at]
        message = message.replace("{lines}", _describe_lines(uses, span.source))
    return Problem(finding.code, message, span, hint, finding.severity, finding.plural_message, fix=fix)


_MAXIMUM_LINES = 6


def _describe_lines(spans: list[Span], source: str) -> str:
    """The lines in which some places are, with their files where these are others than the source."""
    spans.sort(key=lambda span: (span.source != source, span.source, span.line))
    lines = dict.fromkeys(str(span.line) if span.source == source else f"{span.source}:{span.line}" for span in spans)
    rest = ", ..." if len(lines) > _MAXIMUM_LINES else ""
    return f"line{'s' * (len(lines) > 1)} {', '.join(islice(lines, _MAXIMUM_LINES))}{rest}"


# Problems of profiles, and the order of problems


def _follows_from_misspelt(problem: Problem, misspelt: Collection[Span]) -> bool:
    """Whether a misspelt name is all that is wrong: it is reported where it is given, or the fix would be that name.

    Else the hint for a profile with the right name would be the misspelt one, since the file has no other.
    """
    written = {span.text[span.column - 1 :][: span.width] for span in misspelt}
    return problem.span in misspelt or any(part.text in written for part in _with_fix(problem).fix)


def _naming_profile(problems: list[Problem], name: str, block: Place) -> list[Problem]:
    """The problems; those outside the profile's own block now say that it is the profile that brings them about."""
    inside = set(_spans(block)) if problems else set()
    return [
        problem
        if problem.span is None or problem.span in inside
        else replace(problem, message=f"{problem.message} (with profile '{name}')")
        for problem in problems
    ]


def _spans(place: Place) -> Iterator[Span]:
    yield place.key_span()
    yield place.span()
    for child in (place.children or {}).values():
        yield from _spans(child)


_SUGGESTED_NAME = re.compile(r"did you mean '([^']+)'\?")


def _with_fix(problem: Problem) -> Problem:
    """The problem with the change of the text that its hint speaks of, where that is one name for another."""
    suggested, span = _SUGGESTED_NAME.fullmatch(problem.hint), problem.span
    if problem.fix or suggested is None or span is None:
        return problem
    end = span.column - 1 + span.width
    written = span.text[span.column - 1 : end]
    if not written or f"'{written.strip(chr(34) + chr(39))}'" not in problem.message:
        return problem
    return replace(problem, fix=(Replacement(span.line, span.column, span.line, end + 1, suggested[1]),))


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in the order of the files, the one that was asked for first; warnings of a kind are one."""
    unique = list(dict.fromkeys(problems))
    hidden_count = sum(problem.count for problem in unique if problem.code == MORE_FAULTS)
    unique = [problem for problem in unique if problem.code != MORE_FAULTS]
    files = list(dict.fromkeys(problem.span.source for problem in unique if problem.span))

    def order(problem: Problem) -> tuple[int, int, int]:
        span = problem.span
        return (files.index(span.source), span.line, span.column) if span else (len(files), 0, 0)

    shown: list[Problem] = []
    errors = 0
    for problem in merge_warnings(sorted(unique, key=order)):
        errors += problem.severity == "error"
        if problem.severity != "error" or errors <= MAXIMUM_FAULTS:
            shown.append(_with_fix(problem))
    hidden_count += max(0, errors - MAXIMUM_FAULTS)
    return (*shown, more_faults_problem(hidden_count)) if hidden_count else tuple(shown)
