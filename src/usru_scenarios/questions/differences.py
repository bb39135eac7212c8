"""What two models say differently: judgement by judgement, with what only one of them has.

Resolved models are compared, so neither comments nor the order or form of what is written matter, and of words,
sources and expectations nothing is told: they move no forecast. Points that a model leaves out count as 0, a weight as
1. Shares of one whole (`initial`, the prior of a row, the priors of a driver's states, the baselines) make one
difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.model.schema import Categorical, Model
from usru_scenarios.model.values import (
    Distribution,
    Duration,
    Judgement,
    Keep,
    OddsPerPoint,
    Part,
    Persistence,
    Value,
    Weight,
)
from usru_scenarios.program.compilation import compile_model, compile_node
from usru_scenarios.program.program import Program
from usru_scenarios.questions.program_edits import FileDifferences, ProgramEdit
from usru_scenarios.reading.checks import Context, run_checks
from usru_scenarios.results.compare import InputDifference, InputValue

Path = tuple[str | int, ...]

_FIELDS_WITHOUT_EFFECT = frozenset(
    {
        *("usru", "name", "title", "summary", "authors", "date", "by", "note", "sources", "signposts", "extends"),
        *("profiles", "expectations"),
    }
    | {"questions", "anchor", "kind"}
)
"""Fields that no forecast depends on (`kind` is told by what else there is)."""

_POINTS = frozenset({"impacts", "influences", "lagged_influences", "then", "points"})
_SHARES = frozenset({"initial", "prior"})
_NAMED_SECTIONS = frozenset({"drivers", "rules", "consequences", "scenarios"})
_DEFAULTS = {"weight": Weight.model_validate(1.0)}

PRESENT = "present"
"""What is said of a driver, rule, consequence or scenario that only one of the models has."""


@dataclass(frozen=True)
class PartEdit:
    """A part of a model in the place of another; None where there is nothing."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True)
class ModelDifference:
    """Something that two models say differently: one number, or several that make sense together alone."""

    path: Path
    edits: tuple[PartEdit, ...]

    @property
    def name(self) -> str:
        """The path as one writes it after `--set`."""
        return ".".join(f'"{part}"' if "." in str(part) else str(part) for part in self.path)

    @property
    def weight_of(self) -> str | None:
        """The driver or rule whose weight alone it is about."""
        section, *rest = self.path
        return str(rest[0]) if section in ("drivers", "rules") and rest[1:] == ["weight"] else None

    @property
    def initial_of(self) -> str | None:
        """The driver or consequence of which it says nothing but how it begins, which no other node's law speaks of."""
        section, *rest = self.path
        return str(rest[0]) if section in ("drivers", "consequences") and rest[1:] == ["initial"] else None

    @property
    def values(self) -> tuple[InputValue, InputValue]:
        """What the two models say."""
        if "*" in self.path:
            place = self.path.index("*")
            before = {str(edit.path[place]): _plain_data(edit.before) for edit in self.edits}
            after = {str(edit.path[place]): _plain_data(edit.after) for edit in self.edits}
            return _as_input_value(before), _as_input_value(after)
        (edit,) = self.edits
        return self._side(edit.before), self._side(edit.after)

    @property
    def part(self) -> str:
        """The part of the file that it belongs to."""
        return ".".join(map(str, self.path[:2]))

    def _side(self, part: Any) -> InputValue:
        if len(self.path) == 2 and self.path[0] in _NAMED_SECTIONS:
            return None if part is None else PRESENT
        return _as_input_value(_plain_data(part))


def find_differences(reference: Model, variant: Model) -> list[ModelDifference]:
    """What the variant says differently, in the order of the format."""
    by_path: dict[Path, list[PartEdit]] = {}
    for edit in _edits((), reference, variant):
        by_path.setdefault(_path_of_shares(edit.path), []).append(edit)
    return [ModelDifference(path if len(edits) > 1 else edits[0].path, tuple(edits)) for path, edits in by_path.items()]


def _path_of_shares(path: Path) -> Path:
    """The path of the shares that one is part of."""
    if path[-1] == "prior" and len(path) > 3 and path[-3] == "states":
        return (*path[:-2], "*", "prior")
    if path[0] == "scenarios" and path[-1] == "baseline":
        return ("scenarios", "*", "baseline")
    return path


def _edits(path: Path, before_part: Any, after_part: Any, *, points: bool = False) -> Iterator[PartEdit]:
    """Where two parts at the same path differ; within points, what is left out is 0."""
    if _plain_data(before_part, points=points) == _plain_data(after_part, points=points):
        return
    if points:
        before_part, after_part = _fill_left_out(before_part, after_part), _fill_left_out(after_part, before_part)
    if not _is_compared_by_piece(path, before_part, after_part):
        yield PartEdit(path, before_part, after_part)
        return
    for key in _keys(before_part, after_part):
        before, after = _child(before_part, key), _child(after_part, key)
        if key in _DEFAULTS and isinstance(before_part, Part):
            before, after = before or _DEFAULTS[key], after or _DEFAULTS[key]
        yield from _edits((*path, key), before, after, points=points or key in _POINTS)


def _is_compared_by_piece(path: Path, before: Any, after: Any) -> bool:
    """Whether what differs is told piece by piece."""
    if isinstance(before, dict) and isinstance(after, dict):
        return path[-1] not in _SHARES | {"when", "allowed"}
    is_value = isinstance(before, Value) and not isinstance(before, OddsPerPoint)
    return isinstance(before, Part) and type(before) is type(after) and not is_value


def _fill_left_out(part: Any, other_part: Any) -> Any:
    """Points that are left out beside points; a whole row of a curve is never left out."""
    if part is not None:
        return part
    if isinstance(other_part, dict) and not any(map(_is_knot, other_part)):
        return {}
    return Judgement(value=0.0) if isinstance(other_part, Judgement) else None


def _is_knot(key: Any) -> bool:
    try:
        float(key)
    except ValueError:
        return False
    return True


def _keys(before: Any, after: Any) -> list[Any]:
    if isinstance(before, dict):
        knots = any(map(_is_knot, (*before, *after)))
        keys = list(dict.fromkeys((*before, *after)))
        return sorted(keys, key=float) if knots and all(map(_is_knot, keys)) else keys
    return [field for field in type(before).model_fields if field not in _FIELDS_WITHOUT_EFFECT]


def _child(part: Any, key: Any) -> Any:
    return part.get(key) if isinstance(part, dict) else getattr(part, key)


def _plain_data(part: Any, *, points: bool = False) -> Any:
    """A part of a model as plain data, without words; of points without those that are 0."""
    match part:
        case Judgement() | Keep():
            value = _plain_data(part.value)
            return None if points and value == 0.0 else value
        case Duration():
            return f"{part.months:g} months"
        case Distribution():
            return f"{part.family} {', '.join(_format_plain(_plain_data(value)) for value in part.parameters)}"
        case Weight():
            return _plain_data(part.schedule if part.constant is None else part.constant)
        case Persistence():
            return _plain_data(part.by_state if part.all_states is None else part.all_states)
        case Part():
            names = [name for name in type(part).model_fields if name not in _FIELDS_WITHOUT_EFFECT]
            plain = {name: _plain_data(getattr(part, name), points=points or name in _POINTS) for name in names}
            return {name: value for name, value in plain.items() if value not in (None, {})}
        case dict():
            plain = {key: _plain_data(value, points=points) for key, value in part.items()}
            if not points:
                return plain
            return {key: value for key, value in plain.items() if _is_knot(key) or value not in (None, {})} or None
        case tuple():
            return [_plain_data(value) for value in part]
    return part


def _as_input_value(data: Any) -> InputValue:
    """Plain data as a result carries it."""
    if data is None or isinstance(data, float):
        return data
    if isinstance(data, dict) and data and all(isinstance(value, float) for value in data.values()):
        return {str(key): value for key, value in data.items()}
    return _format_plain(data)


def _format_plain(data: Any) -> str:
    match data:
        case float():
            return f"{data:g}"
        case dict():
            return ", ".join(f"{key} {_format_nested(value)}" for key, value in data.items())
        case list():
            return ", ".join(map(_format_nested, data))
    return str(data)


def _format_nested(data: Any) -> str:
    return f"({_format_plain(data)})" if isinstance(data, dict | list) else _format_plain(data)


# One difference at a time ---------------------------------------------------------------------------------------------


def with_edits(model: Model, differences: Sequence[ModelDifference]) -> Model | None:
    """The model with parts of another one of its grid in the place of its own; None where that makes no valid model.

    A part may speak of what only the other model has, such as a driver, or close a circle; a weight can do neither.
    """
    for edit in (edit for difference in differences for edit in difference.edits):
        model = _with_value_at(model, edit.path, edit.after)
    if all(difference.weight_of is not None for difference in differences):
        return model
    checked = model.model_copy(update={"profiles": {}, "expectations": {}, "questions": {}, "anchor": None})
    faults = run_checks(Context(checked, _names_for_checks(checked)))
    return None if any(finding.severity == "error" for finding in faults) else model


def _with_value_at(part: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(part, Mapping):
        changed = _with_value_at(part.get(key, {}), tuple(rest), value)
        return {name: each for name, each in {**part, key: changed}.items() if each is not None}
    return part.model_copy(update={str(key): _with_value_at(getattr(part, str(key)) or {}, tuple(rest), value)})


def _names_for_checks(model: Model) -> dict[str, Any]:
    """The names of a model as the rules of the format look them up."""
    sections: dict[str, Any] = {
        name: {key: {} for key in getattr(model, name)} for name in ("scenarios", "groups", "rules")
    }
    nodes = {
        section: {
            name: {
                "kind": node.kind,
                **({"states": node.states, "prior_given": node.prior_given} if isinstance(node, Categorical) else {}),
            }
            for name, node in getattr(model, section).items()
        }
        for section in ("drivers", "consequences")
    }
    return {**sections, **nodes}


# Programs of them -----------------------------------------------------------------------------------------------------


def file_differences(reference: Model, variant: Model, base: Program) -> FileDifferences:
    """What the variant says differently; `base` is the program of the reference, judgements at their means."""
    differences = find_differences(reference, variant)
    return FileDifferences(
        tuple(InputDifference(difference.name, *difference.values) for difference in differences),
        tuple(difference.part for difference in differences),
        ProgramEdit.between(base, program_from_base(variant, differences, base)),
    )


def edits_by_group(
    reference: Model, variant: Model, base: Program, groups: Mapping[str, Sequence[int]]
) -> dict[str, ProgramEdit | None]:
    """What brings some of the differences into the reference, group by group; None where that makes no valid model.

    The models and the program are those of `file_differences`; groups have the numbers of differences.
    """
    differences = find_differences(reference, variant)
    edits: dict[str, ProgramEdit | None] = {}
    for name, numbers in groups.items():
        group = [differences[number] for number in numbers]
        model = with_edits(reference, group)
        edits[name] = None if model is None else ProgramEdit.between(base, program_from_base(model, group, base))
    return edits


def program_from_base(model: Model, differences: Sequence[ModelDifference], base: Program) -> Program:
    """The program of a model; where it differs from that of `base` in weights and first states alone, made from `base`.

    Uncertain judgements stand at their means.
    """
    if any(difference.weight_of is None and difference.initial_of is None for difference in differences):
        return compile_model(model)
    weights, nodes = dict(base.weights), dict(base.nodes)
    for difference in differences:
        if (name := difference.weight_of) is not None:
            weight = (model.drivers.get(name) or model.rules[name]).weight or Weight.model_validate(1.0)
            weights[name] = np.array([weight.at(month) for month in model.grid.step_starts])
        if (name := difference.initial_of) is not None:
            nodes[name] = compile_node(model, name)
    return replace(base, weights=weights, nodes=nodes)
