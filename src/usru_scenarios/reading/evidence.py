"""An evidence file, read with the machinery of scenario files: places, overlays, and every fault at once (section 14).

What it says is held against a model by `questions/evidence`; items at fault are left out here, so that what is wrong
with the others is told in the same run.
"""

from __future__ import annotations

import hashlib
import json
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.model.evidence import EvidenceFile
from usru_scenarios.model.judgements import citations
from usru_scenarios.model.values import describe_value
from usru_scenarios.problems import ModelError, Problem, Span, UnreadableInput, UsruError, suggest_name, to_printable
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.files import absolute_path
from usru_scenarios.reading.locations import bundled_models, list_yaml_files
from usru_scenarios.reading.overlays import Tree, merge_extended
from usru_scenarios.reading.places import Document
from usru_scenarios.reading.pydantic_errors import faults_of, locate
from usru_scenarios.reading.register import Register, read_register
from usru_scenarios.reading.yaml_source import read_content, read_file
from usru_scenarios.settings import ArgumentError, format_value

if TYPE_CHECKING:
    from usru_scenarios.names import KeyPath
    from usru_scenarios.source_text import SourceText


@dataclass(frozen=True)
class EvidenceText:
    """An evidence file that has been read.

    Attributes:
        path: of the file.
        file: what it says, overlays applied; items and resolutions at fault are left out.
        tree: the same as plain data, with places.
        source: its text.
        problems: its faults.
        access: what may be read beside it.
        register: what its items may cite; None where it names no register.
    """

    path: Path
    file: EvidenceFile
    tree: Tree = field(repr=False)
    source: SourceText = field(repr=False)
    access: Access = field(repr=False, compare=False)
    problems: tuple[Problem, ...] = ()
    register: Register | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Of the file, as it is written."""
        return self.source.name

    @property
    def model(self) -> str | Path:
        """The model that it names: the id of a bundled one, or a path, which is relative to the file's folder.

        Raises:
            ModelError: it names none; with all of its faults.
        """
        model = self.file.model
        if not model:
            raise ModelError(self.problems)
        return model if model in bundled_models() else self.path.parent / model

    def missing_model_error(self, error: UnreadableInput) -> ModelError:
        """The error that the model which it names can't be read, at its place in the file."""
        span = _span_at(self.tree, ("model",))
        return ModelError([*self.problems, Problem("missing_model", error.message, span, error.hint)])

    @property
    def model_path(self) -> str:
        """The absolute path of the file of that model."""
        return absolute_path(bundled_models().get(self.file.model, self.path.parent / self.file.model))

    @property
    def model_name(self) -> str | None:
        """What that model is called; None where its file can't be read or does not say."""
        if self.file.model in bundled_models():
            return self.file.model
        path = self.path.parent / self.file.model
        try:
            data = self.access.read_document(path, str(path)).data
        except UsruError:
            return None
        name = data.get("name") if isinstance(data, dict) else None
        return name if isinstance(name, str) else None

    @property
    def sha256(self) -> str:
        """Of what it says, in hexadecimal, overlays applied: neither comments nor the order of keys matter."""
        content = {key: value for key, value in self.tree.data.items() if key not in ("sources", "title", "summary")}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_evidence(file: str | PathLike[str], *, confined: bool = False, text: str | None = None) -> EvidenceText:
    """Read an evidence file.

    Args:
        file: its path.
        confined: read nothing outside of its folder but what comes with the program.
        text: what the file is to say, which is read instead of what it says.

    Raises:
        ArgumentError: the path is of a wrong type.
        UnreadableInput: there is no such file or it can't be read.
        UnreadableModelError: it is no text, or past the limits of the format.
        ModelError: it is no evidence file, or nothing of it can be understood; with all of its faults.
    """
    if not isinstance(file, str | PathLike) or not fspath(file):
        raise ArgumentError(f"evidence takes the path of a file, not {format_value(file)}")
    path, name = Path(file), fspath(file)
    if "\0" in name:
        raise UnreadableInput(f"'{to_printable(name)}' is no name of a file")
    access = Access.of(path, confined=confined)
    access.check_model(path, name)
    document = access.count_document(_read_content(path, name, text))
    if not isinstance(document.data, dict):
        message = (
            f"an evidence file is a map of keys such as 'model' and 'evidence', not {describe_value(document.data)}"
        )
        raise ModelError([*document.problems, Problem("not_a_map", message, document.place.span())])
    if document.data.get("kind") != "evidence" and {"scenarios", "drivers"} & document.data.keys():
        message = f"{to_printable(name)} is a scenario file, and no evidence file, which has 'kind: evidence'"
        raise ModelError([*document.problems, Problem("no_evidence", message, document.place.span())])
    tree, problems, is_complete = merge_extended(document, access, EvidenceFile)
    if not is_complete:
        raise ModelError(problems)
    evidence, faults = _validate(tree)
    problems += faults
    if evidence is None:
        raise ModelError(problems)
    if tree.data.get("model") == "":
        hint = "write its path, or the id of a bundled one"
        problems.append(Problem("no_model", "'model' names none", _span_at(tree, ("model",)), hint))
    register = _read_register(tree, evidence, access, problems)
    return EvidenceText(path, evidence, tree, document.source, access, tuple(problems), register)


def _read_content(path: Path, name: str, text: str | None) -> Document:
    if text is not None:
        return read_content(path, text.encode(), name)
    try:
        return read_file(path, name)
    except UnreadableInput as error:
        hint = error.hint if path.exists() else suggest_name(name, list_yaml_files(path))
        raise UnreadableInput(error.message, to_printable(hint)) from None


def _span_at(tree: Tree, path: KeyPath) -> Span:
    return locate(tree.place, path)[0].span()


_STAND_INS = {"usru": 1, "kind": "evidence", "name": "nameless", "model": "", "as_of": "9999-12-31"}
"""What stands in the place of a key that is missing or at fault, so that the rest can be looked at."""


_REPAIRED = frozenset(
    {
        *("not_a_number", "float_type", "finite_number", "not_a_probability"),
        *("unreadable_day", "unreadable_date", "tuple_type"),
    }
)
"""Faults of single values, whose right form is suggested as in a scenario file."""


def _validate(tree: Tree) -> tuple[EvidenceFile | None, list[Problem]]:
    """The valid parts of a file, and its faults."""
    try:
        return EvidenceFile.model_validate(tree.data), []
    except ValidationError as error:
        faults = faults_of(error, tree.data, tree.place, EvidenceFile)
    from usru_scenarios.reading.repairs import find_repair  # not at the top: most files have no fault

    data, problems = dict(tree.data), []
    for fault in faults:
        repair = find_repair(fault, tree.data, tree.place) if fault.kind in _REPAIRED else None
        problems.append(fault.problem if repair is None else repair.problem)
        _remove(data, fault.path)
    try:
        return EvidenceFile.model_validate({**_STAND_INS, **data}), problems
    except ValidationError:
        return None, problems


def _remove(data: dict[str, Any], path: KeyPath) -> None:
    """Take the item, the resolution or the key in which there is a fault out of the data."""
    key = str(path[0]) if path else ""
    entries = data.get(key)
    if key in ("evidence", "resolutions") and isinstance(entries, dict) and len(path) > 1:
        data[key] = {name: entry for name, entry in entries.items() if name != path[1]}
    else:
        data.pop(key, None)


def _read_register(tree: Tree, file: EvidenceFile, access: Access, problems: list[Problem]) -> Register | None:
    """The claims that the items may cite; its faults, and citations of others, are added to the problems."""
    place = tree.place.child("sources")
    if file.sources is None or place is None:
        return None
    folder, name = access.find_register_folder(place.source, file.sources)
    try:
        register, faults = read_register(folder, name, access)
    except UnreadableInput as error:
        hint = error.hint or access.suggest_path(place.source, file.sources, Path.is_dir)
        problems.append(Problem("missing_register", error.message, place.span(), hint))
        return None
    problems += faults
    for path, claim in citations(file):
        if claim not in register:
            message, hint = f"'{claim}' is no claim of the register", suggest_name(claim, register.claims)
            problems.append(Problem("unknown_claim", message, _span_at(tree, path), hint))
    return register
