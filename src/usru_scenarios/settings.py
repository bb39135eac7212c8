"""What a run is asked for: how much is drawn, from which seed and how; every argument is checked here, once.

What fixes the bytes of a result is a value, `RunSettings`. How it is run (what maps over blocks, processes, a cache)
is passed separately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, Protocol, TypeGuard, TypeVar, cast

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.problems import UsageError, listing, one_line, suggestion

if TYPE_CHECKING:
    from decimal import Decimal

Method = Literal["auto", "sample", "exact"]
"""How an answer is found; `auto` is exactly where that is predicted to be faster."""

METHODS: tuple[Method, ...] = ("auto", "sample", "exact")

DEFAULT_MODEL = "us-russia"
"""The bundled model that is meant where none is named."""

DEFAULT_TRIALS = 65_536
"""Four blocks: every error of the bundled model is then below .002, that of a state as likely as not the largest, and
those of its scenarios are below .001. Half a draw of the judgements is one set of trials whose words are stratified."""

SENSITIVITY_TRIALS = 16_384
"""Enough for changes of the bundled model to be known to about .001 and shares of variance to .005."""

DEFAULT_SEED = 1

DEFAULT_JUDGEMENTS = 512
"""Draws of the uncertain judgements: enough for the ends of a band to be known to a tenth of its half width."""

LEAST_TRIALS = 2
"""A single trial has no standard error."""

LEAST_SENSITIVITY_TRIALS = 100
"""With fewer, neither information nor a share of variance could be told from noise."""

MOST_TRIALS = 10**12
"""A run of more would not end."""

MOST_SEED = 2**64 - 1

MOST_JUDGEMENTS = 10_000
"""More draws of the judgements sharpen nothing that a reader of a band could see."""

MOST_PERTURBED = 1_000_000
"""As many perturbed models take days."""


MOST_QUERIES = 10_000
"""Queries of one run."""

MOST_MUTANTS = 1_000_000
"""More than any model has."""


class ArgumentError(UsageError, ValueError):
    """An argument has a value that makes no sense.

    Attributes:
        message: what is wrong, a sentence that begins with the name of the argument.
        hint: the likely right form; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(one_line(message), one_line(hint))


TOP = 10
"""How many of what is ranked are told, unless more or fewer are asked for."""


class Effective(Protocol):
    """What was sampled from trials of which some agree with what is observed."""

    @property
    def effective_trials(self) -> float:
        """For how many unweighted trials those stand that agree."""


Sampled = TypeVar("Sampled", bound=Effective)


@dataclass(frozen=True)
class SampleLimits:
    """How much more is drawn where too few trials agree with what is observed, and how few are too few: method (23).

    Attributes:
        most_trials: no more are drawn where too few agree, or where a comparison stays undecided.
        most_unmet: no more are drawn where none agrees.
        least_effective: with fewer effective trials an answer is refused.
    """

    most_trials: int = 1 << 22
    most_unmet: int = 1 << 18
    least_effective: float = 100.0

    def sample(
        self, run: Callable[[int], Sampled], trials: int, impossible: Callable[[], bool]
    ) -> tuple[int, Sampled, bool]:
        """Sample until enough of the trials agree with what is observed, with four times as many each time.

        Args:
            run: samples so many trials.
            trials: the first number of them.
            impossible: whether it is proven that none can agree, so that no more are drawn; asked where none does.

        Returns:
            How many trials were drawn last, what they gave, and whether so many agree: all of them where few are drawn.
        """
        while True:
            found = run(trials)
            effective = found.effective_trials
            if effective >= min(self.least_effective, trials):
                return trials, found, True
            if not effective and impossible():
                return trials, found, False
            if trials >= (self.most_trials if effective else min(self.most_trials, self.most_unmet)):
                return trials, found, False
            del found  # the next ones need its room
            trials = min(4 * trials, self.most_trials)


DEFAULT_LIMITS = SampleLimits()


@dataclass(frozen=True)
class RunSettings:
    """All that fixes the bytes of an answer beside the model and the question.

    Attributes:
        trials: how many are drawn, or are at first where a question may draw on.
        seed: of the random streams.
        method: `auto` only where no number of trials was asked for.
        judgements: how many draws of the uncertain judgements; 0 takes them at their means.
        limits: of the trials that are drawn further.
    """

    trials: int = DEFAULT_TRIALS
    seed: int = DEFAULT_SEED
    method: Method = "auto"
    judgements: int = 0
    limits: SampleLimits = DEFAULT_LIMITS

    @classmethod
    def checked(
        cls,
        trials: object = None,
        seed: object = DEFAULT_SEED,
        method: object = "auto",
        judgements: object = None,
        *,
        usual: int = DEFAULT_TRIALS,
        least: int = LEAST_TRIALS,
    ) -> RunSettings:
        """The settings that arguments ask for.

        Args:
            trials: a whole number; None for the usual one. Where it is given, `auto` samples.
            seed: a whole number from 0 on.
            method: one of `METHODS`.
            judgements: 0, or a whole number from 2 on; None for `DEFAULT_JUDGEMENTS`.
            usual: how many trials the question takes where none are asked for.
            least: how many it takes at least.

        Raises:
            ArgumentError: one of them makes no sense.
        """
        settings = cls(
            usual if trials is None else _trials(trials, least),
            _seed(seed),
            _method(method),
            DEFAULT_JUDGEMENTS if judgements is None else _judgements(judgements),
        )
        return replace(settings, method="sample") if trials is not None and settings.method == "auto" else settings


def whole(name: str, value: object, *, most: int | None = MOST_TRIALS) -> int:
    """A whole number from 0 on, not above `most` if there is one; `1e5` is one, True and "5" are none.

    Raises:
        ArgumentError: it is none.
    """
    number = _integer(value)
    if number is None or number < 0:
        raise ArgumentError(f"{name} takes a whole number from 0 on, not {shown(value)}", "such as 100000 or 1e5")
    if most is not None and number > most:
        raise ArgumentError(f"{name} {shown(value)} is too many", f"the most is {most:,}")
    return number


def _integer(value: object) -> int | None:
    """The whole number that a value is; None where it is none."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, bool) or not _is_real(value):
        return None
    with suppress(ValueError, OverflowError):  # a signalling NaN, a fraction past all floats
        return int(number) if (number := float(value)).is_integer() else None
    return None


def _is_real(value: object) -> TypeGuard[Real | Decimal]:
    if isinstance(value, Real):
        return True
    from decimal import Decimal  # to import it takes a millisecond, and few numbers are of its kind

    return isinstance(value, Decimal)


def _seed(value: object) -> int:
    number = whole("seed", value, most=None)
    if number > MOST_SEED:
        raise ArgumentError(f"seed {shown(value)} is too large", f"a seed is at most {MOST_SEED}")
    return number


def _trials(value: object, least: int) -> int:
    number = whole("trials", value)
    if number < LEAST_TRIALS:
        raise ArgumentError(f"trials {shown(value)} is too few", "a standard error takes at least 2 trials")
    if number < least:
        raise ArgumentError(
            f"trials {shown(value)} is too few",
            f"to separate effects from sampling error takes at least {least} trials",
        )
    return number


def _judgements(value: object) -> int:
    number = whole("judgements", value, most=MOST_JUDGEMENTS)
    if number == 1:
        raise ArgumentError("judgements 1 gives no band", "take 2 or more draws, or 0 for the means of the judgements")
    return number


def _method(value: object) -> Method:
    return cast("Method", one_of("method", value, METHODS))


def one_of(name: str, value: object, known: Iterable[str]) -> str:
    """A text that is one of those known.

    Raises:
        ArgumentError: it is none, with the likely one.
    """
    known = list(known)
    if not isinstance(value, str) or value not in known:
        hint = suggestion(value, known) if isinstance(value, str) else ""
        raise ArgumentError(f"{name} {shown(value)} is unknown", hint or listing(known))
    return value


def text(name: str, value: object) -> str:
    """A text.

    Raises:
        ArgumentError: it is something else.
    """
    if not isinstance(value, str):
        raise ArgumentError(f"{name} takes a text, not {shown(value)}")
    return value


def optional_text(name: str, value: object) -> str | None:
    """A text, or None; raises as `text` does."""
    return None if value is None else text(name, value)


def texts(name: str, value: object, example: str = "") -> tuple[str, ...]:
    """A list of texts.

    Raises:
        ArgumentError: it is no list, a text itself, say, or something else than a text is in it.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        form = [value] if isinstance(value, str) and value else [example] if example else []
        raise ArgumentError(f"{name} takes a list of texts, not {shown(value)}", f"such as {name}={form}" * bool(form))
    found = tuple(value)
    for one in found:
        if not isinstance(one, str):
            raise ArgumentError(f"{name} takes a list of texts, and {shown(one)} in it is none")
    return found


def texts_by_name(name: str, value: object, known: Iterable[str], example: str) -> dict[str, tuple[str, ...]]:
    """Lists of texts by name, where None stands for none at all.

    Raises:
        ArgumentError: it is no map of such lists, or has a name that is none of those known.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        hint = f"such as {name}={{'eased': ['{example}']}}"
        raise ArgumentError(f"{name} takes lists of texts by name, not {shown(value)}", hint)
    known = list(known)
    return {
        one_of(f"a key of {name}", key, known): texts(f"{name} of '{key}'", each, example)
        for key, each in value.items()
    }


def flag(name: str, value: object) -> bool:
    """True or False.

    Raises:
        ArgumentError: it is neither.
    """
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is True or False, not {shown(value)}")
    return value


def mapping_function(name: str, value: Callable[..., object]) -> None:
    """Check what maps over blocks.

    Raises:
        ArgumentError: it can't be called.
    """
    if not callable(value):
        raise ArgumentError(f"{name} takes a function such as map, not {shown(value)}")


def shown(value: object) -> str:
    """A value as a message shows it: a number bare, all else as it would be written in Python, in a line."""
    if _is_real(value) and not isinstance(value, bool):
        written = str(value) if not isinstance(value, int) or value.bit_length() < 200 else "so large a number"
    else:
        written = repr(value)
    return written if len(written) <= _MOST_SHOWN else f"{written[: _MOST_SHOWN - 3]}..."


_MOST_SHOWN = 60
