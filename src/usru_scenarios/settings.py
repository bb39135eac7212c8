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
from usru_scenarios.problems import UsageError, list_choices, suggest_name, to_one_line

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
        super().__init__(to_one_line(message), to_one_line(hint))


DEFAULT_TOP = 10
"""How many entries of a ranking are shown, unless more or fewer are asked for."""


class HasEffectiveTrials(Protocol):
    """What was sampled from trials of which some agree with what is observed."""

    @property
    def effective_trials(self) -> float:
        """How many unweighted trials give the same precision as those that agree."""


Sample = TypeVar("Sample", bound=HasEffectiveTrials)


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
        self, run: Callable[[int], Sample], trials: int, is_impossible: Callable[[], bool]
    ) -> tuple[int, Sample, bool]:
        """Sample until enough of the trials agree with what is observed, with four times as many each time.

        Args:
            run: samples so many trials.
            trials: the first number of them.
            is_impossible: whether it is proven that none can agree, so that no more are drawn; asked where none does.

        Returns:
            How many trials were drawn last, what they gave, and whether so many agree: all of them where few are drawn.
        """
        while True:
            sample = run(trials)
            effective = sample.effective_trials
            if effective >= min(self.least_effective, trials):
                return trials, sample, True
            if not effective and is_impossible():
                return trials, sample, False
            if trials >= (self.most_trials if effective else min(self.most_trials, self.most_unmet)):
                return trials, sample, False
            del sample  # the next one needs its room
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
    def from_arguments(
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
            usual if trials is None else _check_trials(trials, least),
            _check_seed(seed),
            cast("Method", check_choice("method", method, METHODS)),
            DEFAULT_JUDGEMENTS if judgements is None else _check_judgements(judgements),
        )
        return replace(settings, method="sample") if trials is not None and settings.method == "auto" else settings


def check_whole_number(name: str, value: object, *, most: int | None = MOST_TRIALS) -> int:
    """Check that an argument is a whole number from 0 to `most`, and return it; `1e5` is one, True and "5" are none.

    Raises:
        ArgumentError: it is none.
    """
    number = _as_integer(value)
    if number is None or number < 0:
        message = f"{name} takes a whole number from 0 on, not {format_value(value)}"
        raise ArgumentError(message, "such as 100000 or 1e5")
    if most is not None and number > most:
        raise ArgumentError(f"{name} {format_value(value)} is too many", f"the most is {most:,}")
    return number


def _as_integer(value: object) -> int | None:
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


def _check_seed(value: object) -> int:
    number = check_whole_number("seed", value, most=None)
    if number > MOST_SEED:
        raise ArgumentError(f"seed {format_value(value)} is too large", f"a seed is at most {MOST_SEED}")
    return number


def _check_trials(value: object, least: int) -> int:
    number = check_whole_number("trials", value)
    if number < LEAST_TRIALS:
        raise ArgumentError(f"trials {format_value(value)} is too few", "a standard error takes at least 2 trials")
    if number < least:
        raise ArgumentError(
            f"trials {format_value(value)} is too few",
            f"to separate effects from sampling error takes at least {least} trials",
        )
    return number


def _check_judgements(value: object) -> int:
    number = check_whole_number("judgements", value, most=MOST_JUDGEMENTS)
    if number == 1:
        raise ArgumentError("judgements 1 gives no band", "take 2 or more draws, or 0 for the means of the judgements")
    return number


def check_choice(name: str, value: object, known: Iterable[str]) -> str:
    """Check that an argument is one of the texts that are known, and return it.

    Raises:
        ArgumentError: it is none; with the likely one.
    """
    known = list(known)
    if not isinstance(value, str) or value not in known:
        hint = suggest_name(value, known) if isinstance(value, str) else ""
        raise ArgumentError(f"{name} {format_value(value)} is unknown", hint or list_choices(known))
    return value


def check_text(name: str, value: object) -> str:
    """Check that an argument is a text, and return it.

    Raises:
        ArgumentError: it is something else.
    """
    if not isinstance(value, str):
        raise ArgumentError(f"{name} takes a text, not {format_value(value)}")
    return value


def check_optional_text(name: str, value: object) -> str | None:
    """The same of an argument that may be None; raises as `check_text` does."""
    return None if value is None else check_text(name, value)


def check_texts(name: str, value: object, example: str = "") -> tuple[str, ...]:
    """Check that an argument is a list of texts, and return them.

    Raises:
        ArgumentError: it is no list, a text itself, say, or something else than a text is in it.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        form = [value] if isinstance(value, str) and value else [example] if example else []
        raise ArgumentError(
            f"{name} takes a list of texts, not {format_value(value)}", f"such as {name}={form}" * bool(form)
        )
    texts = tuple(value)
    for text in texts:
        if not isinstance(text, str):
            raise ArgumentError(f"{name} takes a list of texts, and {format_value(text)} in it is none")
    return texts


def check_texts_by_name(name: str, value: object, known: Iterable[str], example: str) -> dict[str, tuple[str, ...]]:
    """Check that an argument is lists of texts by name, where None stands for none at all, and return them.

    Raises:
        ArgumentError: it is no map of such lists, or has a name that is none of those known.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        hint = f"such as {name}={{'eased': ['{example}']}}"
        raise ArgumentError(f"{name} takes lists of texts by name, not {format_value(value)}", hint)
    known = list(known)
    return {
        check_choice(f"a key of {name}", key, known): check_texts(f"{name} of '{key}'", each, example)
        for key, each in value.items()
    }


def check_flag(name: str, value: object) -> bool:
    """Check that an argument is True or False, and return it.

    Raises:
        ArgumentError: it is neither.
    """
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is True or False, not {format_value(value)}")
    return value


def check_callable(name: str, value: Callable[..., object]) -> None:
    """Check that an argument can be called.

    Raises:
        ArgumentError: it can't.
    """
    if not callable(value):
        raise ArgumentError(f"{name} takes a function such as map, not {format_value(value)}")


def format_value(value: object) -> str:
    """A value as a message shows it: a number bare, all else as it would be written in Python, 60 characters of it."""
    if _is_real(value) and not isinstance(value, bool):
        text = str(value) if not isinstance(value, int) or value.bit_length() < 200 else "so large a number"
    else:
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
