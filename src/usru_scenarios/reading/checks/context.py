"""What the checks of a file look at, and what they find."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.model.schema import Categorical, Model, Numeric, Outcome
from usru_scenarios.names import OUTCOME
from usru_scenarios.timeline import Grid, TimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, KeysView

    from usru_scenarios.model.schema import Rule
    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.register import Register

FileNode = Categorical | Numeric | Outcome


@dataclass(frozen=True)
class Finding:
    """A fault or a warning at a path of the model; `related_path` is another path that its hint shows the place of."""

    code: str
    message: str
    path: KeyPath
    hint: str | Callable[[], str] = ""
    """A likely right name may take long to find, so it is looked for only where it is shown."""
    of_key: bool = True
    """Whether the key at the path is meant and not its value."""
    severity: Literal["error", "warning"] = "error"
    related_path: KeyPath | None = None
    plural_message: str = ""
    """As in `Problem`."""
    replacement: object = None
    """What to write in the place of the entry at the path: plain data with one key and its value."""
    unknown_name: tuple[str, str] | None = None
    """A name that nothing has, behind the node whose state it would be; the outcome has scenarios, and "" has nodes."""
    used_at: tuple[KeyPath, ...] = ()
    """Further places that the message speaks of: their lines take the place of `{lines}` in it."""
    joint_paths: tuple[KeyPath, ...] = ()
    """The finding is dropped unless these values are of one file: an overlay that changes one of them means to."""


_NO_NAMES = dict[str, Any]().keys()


_SECTIONS = ("scenarios", "drivers", "rules", "consequences", "profiles", "expectations", "questions")


def _is_same(old: dict[str, Any], new: dict[str, Any], keys: Collection[str]) -> bool:
    """Whether two parts are one and the same in some keys."""
    return all(old.get(key) is new.get(key) for key in keys)


class NamedNode(NamedTuple):
    """A node with its name and its path in the file."""

    name: str
    path: KeyPath
    node: FileNode


@dataclass(frozen=True)
class Context:
    """A model and the file's own data.

    Parts of the file whose shape is wrong are missing from `model` but not from `data`; so names are looked up in
    `data`, lest one fault be reported again by everything that refers to it.
    """

    model: Model
    data: dict[str, Any]
    register: Register | None = None
    """The claims that may be cited, or None where the file names no register."""
    valid_base: Context | None = None
    """That of the file as it stands, known to have no fault, where this one is a variant of it."""

    @property
    def register_name(self) -> str:
        """The register as the file names it."""
        return str(self.data.get("sources"))

    def names(self, section: str) -> KeysView[str]:
        """The names in a section of the file (`drivers`, `rules`, ...)."""
        entries = self.data.get(section)
        return entries.keys() if isinstance(entries, dict) else _NO_NAMES

    @cached_property
    def drivers(self) -> KeysView[str]:
        """The names of the drivers."""
        return self.names("drivers")

    @cached_property
    def consequences(self) -> KeysView[str]:
        """The names of the consequences."""
        return self.names("consequences")

    @cached_property
    def scenarios(self) -> KeysView[str]:
        """The names of the scenarios."""
        return self.names("scenarios")

    @cached_property
    def all_nodes(self) -> KeysView[str]:
        """The names of all nodes, the outcome's among them."""
        return dict.fromkeys((*self.drivers, OUTCOME, *self.consequences)).keys()

    def changed_model(self, keys: Collection[str] = ()) -> Model:
        """The model without the parts that it shares with the sound one, or that differ in other keys than these."""
        if self.valid_base is None:
            return self.model
        sections = {section: dict(self._changed_parts(section, self.valid_base, keys)) for section in _SECTIONS}
        return self.model.model_copy(update=sections)

    def _changed_parts(self, section: str, sound: Context, keys: Collection[str]) -> Iterator[tuple[str, object]]:
        known, before, after = getattr(sound.model, section), sound.data.get(section), self.data.get(section)
        for name, part in getattr(self.model, section).items():
            if part is known.get(name):
                continue
            old, new = (data.get(name) if isinstance(data, dict) else None for data in (before, after))
            if not (keys and isinstance(old, dict) and isinstance(new, dict) and _is_same(old, new, keys)):
                yield name, part

    @cached_property
    def rules_by_target(self) -> dict[str, list[tuple[str, Rule]]]:
        """For each node the rules that give it points, with their names."""
        rules: dict[str, list[tuple[str, Rule]]] = {}
        for name, rule in self.model.rules.items():
            for target in rule.then:
                rules.setdefault(target, []).append((name, rule))
        return rules

    @cached_property
    def grid(self) -> Grid | None:
        """The steps of the model, or None where its `time` makes no sense."""
        if self.model.time is None and self.data.get("time") is not None:
            return None
        try:
            return self.model.grid
        except TimeError:
            return None

    def written_node(self, name: str) -> dict[str, Any] | None:
        """What the file says of a driver or consequence."""
        for section in ("drivers", "consequences"):
            entries = self.data.get(section)
            if isinstance(entries, dict) and isinstance(node := entries.get(name), dict):
                return node
        return None

    def is_numeric(self, name: str) -> bool:
        """Whether a node is a number on a scale."""
        return (self.written_node(name) or {}).get("kind") == "numeric"

    def states(self, name: str) -> KeysView[str] | None:
        """The states of a node as the file has them; None where it has none that could be read."""
        if name == OUTCOME:
            return self.scenarios or None
        states = (self.written_node(name) or {}).get("states")
        return states.keys() if isinstance(states, dict) and states else None

    def scale(self, name: str) -> tuple[float, float] | None:
        """The range of a numeric node, where it has one."""
        node = self.node(name)
        return node.range if isinstance(node, Numeric) and node.range[0] < node.range[1] else None

    def node(self, name: str) -> FileNode | None:
        """A node of the model by its name."""
        if name == OUTCOME:
            return self.model.outcome
        return self.model.drivers.get(name) or self.model.consequences.get(name)

    @cached_property
    def nodes(self) -> tuple[NamedNode, ...]:
        """The drivers, the outcome and the consequences, in the order in which they are drawn."""
        return (
            *(NamedNode(name, ("drivers", name), node) for name, node in self.model.drivers.items()),
            NamedNode(OUTCOME, ("outcome",), self.model.outcome),
            *(NamedNode(name, ("consequences", name), node) for name, node in self.model.consequences.items()),
        )

    def categorical_nodes(self) -> Iterator[tuple[str, KeyPath, Categorical | Outcome]]:
        """The nodes that have states."""
        for name, path, node in self.nodes:
            if not isinstance(node, Numeric):
                yield name, path, node
