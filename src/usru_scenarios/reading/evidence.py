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

from usru_scenarios.light_dataclasses import dataclass, field, replace
from usru_scenarios.model.evidence import EvidenceFile
from usru_scenarios.model.judgements import citations
from usru_scenarios.model.values import describe_value
from usru_scenarios.problems import ModelError, Problem, UnreadableInput, UsruError, suggest_name, to_printable
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.files import absolute_path
from usru_scenarios.reading.locations import bundled_models, list_yaml_files
from usru_scenarios.reading.overlays import Tree, merge_extended
from usru_scenarios.reading.places import Document
from usru_scenarios.reading.pydantic_errors import Fault, faults_of, locate
from usru_scenarios.reading.register import Register, read_register
from usru_scenarios.reading.yaml_source import read_content, read_file
from usru_scenarios.settings import ArgumentError, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        named = self.file.model
        if not named:
            raise ModelError(self.problems)
        return named if named in bundled_models() else self.path.parent / named

    def without_model(self, error: UnreadableInput) -> ModelError:
        """That the model which it names can't be read, as a fault of the file at its place."""
        span = locate(self.tree.place, ("model",))[0].span()
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
        said = {key: value for key, value in self.tree.data.items() if key not in ("sources", "title", "summary")}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
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
    document = access.count_document(_content(path, name) if text is None else read_content(path, text.encode(), name))
    if not isinstance(document.data, dict):
        message = (
            f"an evidence file is a map of keys such as 'model' and 'evidence', not {describe_value(document.data)}"
        )
        raise ModelError([*document.problems, Problem("not_a_map", message, document.place.span())])
    if document.data.get("kind") != "evidence" and {"scenarios", "drivers"} & document.data.keys():
        message = f"{to_printable(name)} is a scenario file, and no evidence file, which has 'kind: evidence'"
        raise ModelError([*document.problems, Problem("no_evidence", message, document.place.span())])
    tree, problems, is_whole = merge_extended(document, access, EvidenceFile)
    if not is_whole:
        raise ModelError(problems)
    sound, faults = _sound(tree)
    problems += faults
    if sound is None:
        raise ModelError(problems)
    if tree.data.get("model") == "":
        span = locate(tree.place, ("model",))[0].span()
        problems.append(Problem("no_model", "'model' names none", span, "write its path, or the id of a bundled one"))
    register = _register(tree, sound, access, problems)
    if register is not None:
        problems += _unknown_claims(sound, tree, register)
    return EvidenceText(path, sound, tree, document.source, access, tuple(problems), register)


def _content(path: Path, name: str) -> Document:
    try:
        return read_file(path, name)
    except UnreadableInput as error:
        hint = error.hint if path.exists() else suggest_name(name, list_yaml_files(path))
        raise UnreadableInput(error.message, to_printable(hint)) from None


_STAND_INS = {"usru": 1, "kind": "evidence", "name": "nameless", "model": "", "as_of": "9999-12-31"}
"""What stands in the place of a key that is missing or at fault, so that the rest can be looked at."""


def _sound(tree: Tree) -> tuple[EvidenceFile | None, list[Problem]]:
    """What is sound of a file, and its faults."""
    try:
        return EvidenceFile.model_validate(tree.data), []
    except ValidationError as error:
        faults = [_mended(fault, tree) for fault in faults_of(error, tree.data, tree.place, EvidenceFile)]
    data = dict(tree.data)
    for fault in faults:
        data = _without(data, fault.path)
    try:
        return EvidenceFile.model_validate({**_STAND_INS, **data}), [fault.problem for fault in faults]
    except ValidationError:
        return None, [fault.problem for fault in faults]


_MENDED = frozenset(
    {
        *("not_a_number", "float_type", "finite_number", "not_a_probability"),
        *("unreadable_day", "unreadable_date", "tuple_type"),
    }
)
"""Faults of single values, whose right form is told as in a scenario file."""


def _mended(fault: Fault, tree: Tree) -> Fault:
    """A fault with what was likely meant."""
    from usru_scenarios.reading.repairs import find_repair  # not at the top: most files have no fault

    repair = find_repair(fault, tree.data, tree.place) if fault.kind in _MENDED else None
    return fault if repair is None else replace(fault, problem=repair.problem)


def _without(data: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The data without an item, a resolution or a key in which there is a fault."""
    key = path[0] if path else ""
    part = data.get(str(key))
    if key in ("evidence", "resolutions") and isinstance(part, dict) and len(path) > 1:
        return {**data, key: {name: one for name, one in part.items() if name != path[1]}}
    return {name: one for name, one in data.items() if name != key}


def _register(tree: Tree, file: EvidenceFile, access: Access, problems: list[Problem]) -> Register | None:
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
    return register


def _unknown_claims(file: EvidenceFile, tree: Tree, register: Register) -> Iterator[Problem]:
    for path, claim in citations(file):
        if claim not in register:
            span = locate(tree.place, path)[0].span()
            hint = suggest_name(claim, register.claims)
            yield Problem("unknown_claim", f"'{claim}' is no claim of the register", span, hint)
