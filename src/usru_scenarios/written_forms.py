"""Numbers, dates, durations and names as people write them, and the form in which the program reads them.

Nothing here is ever taken for what was written; it says what an error suggests instead.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

# Characters

_ODD_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_ZERO_WIDTH_CHARACTERS = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
ODD_SPACE = re.compile(f"[{_ODD_SPACES}{_ZERO_WIDTH_CHARACTERS}]")
"""What looks like a blank, or like nothing, and is neither for YAML."""
ZERO_WIDTH = re.compile(f"[{_ZERO_WIDTH_CHARACTERS}]")
_WHITESPACE = re.compile(f"[\\s{_ODD_SPACES}]+")
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\uff02\uff07"
CURLY_QUOTES = frozenset(_QUOTES[4:])


def describe_character(character: str) -> str:
    """A character by its name and number, as in `no-break space (U+00A0)`."""
    return f"{unicodedata.name(character, 'character').lower()} (U+{ord(character):04X})"


def _normalize(text: str) -> str:
    """The text with straight signs and single blanks, without quotes around it."""
    text = unicodedata.normalize("NFKC", ZERO_WIDTH.sub("", text))
    text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
    text = text.replace("\u066b", ".").replace("\u066a", "%")
    text = _WHITESPACE.sub(" ", _DASHES.sub("-", text)).replace("\u2044", "/").strip()
    while len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text.strip(_QUOTES[4:]).strip()


# Numbers


class Suggestion(NamedTuple):
    """What a text is likely to mean."""

    text: str
    """The right form; empty where it takes thought; a number, or the text of a map such as `{pert: [1, 2, 3]}`."""
    hint: str
    value: float | dict[str, list[float]] | list[float] | str


_NUMBER_WORDS = {
    **{
        word: number
        for number, word in enumerate(
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
        )
    },
    **dict.fromkeys(("a", "an"), 1),
    **dict.fromkeys(("half", "a half", "one half"), 1 / 2),
    **dict.fromkeys(("a third", "one third"), 1 / 3),
    **dict.fromkeys(("a quarter", "one quarter"), 1 / 4),
    "two thirds": 2 / 3,
    "three quarters": 3 / 4,
}
_PERCENT = re.compile(
    r"(?P<number>.*?) ?(?:(?P<hundred>%|per ?cents?|pct\.?|prozent|pour ?cent|\u043f\u0440\u043e\u0446\S*)|\u2030)"
)
_RATIO = re.compile(
    r"(?P<sign>-?)(?:(?P<whole>\d+) )?(?P<above>\d+(?:[.,]\d+)?) ?(?:/|:|in|of|out of) ?(?P<below>\d+(?:[.,]\d+)?)"
)
_APPROXIMATELY = re.compile(
    r"(?:~|\u2248|about|around|approx\.?|approximately|roughly|circa|ca\.?|c\.|etwa|rund|environ) ?"
)
_POWER = re.compile(r"(?:(?P<factor>-?\d+(?:[.,]\d+)?) ?[*x\u00b7\u00d7] ?)?10 ?(?:\^|\*\*) ?(?P<power>-?\d+)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def parse_loose_number(text: str) -> float | None:
    """A number by its digits: with a decimal point or comma, signs between thousands, a word, or a letter O for 0."""
    text = re.sub(r"\b[o\u043e](?=[.,]\d)|(?<=[.,])[o\u043e]+(?=\d)", "0", text.lower())
    text = re.sub(r"^([-+]) ", r"\1", text)
    text = re.sub(r"(?<=\d) ?([.,]) (?=\d)|(?<=\d) ([.,])(?=\d)", lambda sign: sign[1] or sign[2], text)
    if text in _NUMBER_WORDS:
        return float(_NUMBER_WORDS[text])
    text = re.sub(r"(?<=\d)_(?=\d)|(?<=\d)\u00b7(?=\d+$)", lambda sign: "" if sign[0] == "_" else ".", text)
    if re.fullmatch(r"[-+]?\d{1,3}(?:[ '\u2019_]\d{3})+(?:[.,]\d+)?", text):
        text = re.sub(r"[ '\u2019_]", "", text)
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+\.\d+|[-+]?\d{1,3}(?:,\d{3}){2,}", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+|[-+]?\d{1,3}(?:\.\d{3}){2,}", text):
        text = text.replace(".", "").replace(",", ".")
    text = re.sub(r"^([-+]?\d*),(\d+)$", r"\1.\2", text)
    text = re.sub(r"^([-+]?\d+),$", r"\1", text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if power := _POWER.fullmatch(text):
        factor = parse_loose_number(power["factor"]) if power["factor"] else 1.0
        return None if factor is None or abs(int(power["power"])) > 100 else float(f"{factor}e{power['power']}")
    return None


def format_number(number: float) -> str:
    """A number as a hint writes it."""
    return f"{number:.10g}" if number != int(number) or abs(number) >= 1e15 else f"{number:.0f}"


def _round_computed(number: float) -> float:
    """A computed number, with few digits."""
    return number if len(format_number(number)) <= 6 else float(f"{number:.3g}")


def suggest_number(written: str) -> Suggestion | None:
    """The number that a text is likely to mean, and why it wasn't read as one."""
    text = _normalize(written)
    if re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", text):
        thousands, decimal = text.replace(",", ""), format_number(float(text.replace(",", ".")))
        return Suggestion("", f"write {thousands}, or {decimal} if the comma is a decimal one", float(thousands))
    if about := _APPROXIMATELY.match(text.lower()):
        text = text[about.end() :]
    value, is_computed = _parse_quantity(text)
    if value is None or not abs(value) <= 1e100:
        return None
    number = format_number(value)
    if is_computed:
        return Suggestion(number, f"write {number} for {text}", float(number))
    if "," in text and number != text.replace(",", ""):
        return Suggestion(number, f"a decimal comma: write {number}", float(number))
    bare = written.strip()
    if bare[:1] in ("'", '"') and bare[1:-1].strip() == text and _NUMBER.fullmatch(text.lower()):
        return Suggestion(text, f"take the quotes off: write {text}", float(text))
    return Suggestion(number, f"write {number}", float(number))


_BOUND = re.compile(r"[<>]=?|\u2264|\u2265|=[<>]|at least|at most|over|under|above|below|more than|less than|up to")
_CLAIM_IDS = re.compile(r"[A-Z][A-Za-z_-]*\d+(?:[,; ]+[A-Z][A-Za-z_-]*\d+)*")


def claim_ids_in(written: str) -> list[str]:
    """The ids of claims in a text of nothing else, such as `C1, C2`; none where more stands in it."""
    text = _normalize(written).strip("()[] ")
    return re.findall(r"[^,; ]+", text) if _CLAIM_IDS.fullmatch(text) else []


_NUMBER_AND_REST = re.compile(r"[=(\[$\u20ac ]*(?P<number>[-+]?(?:\d[\d.,]*)?\d(?: ?%)?)(?P<rest>(?!\w).*)")


def suggest_number_in_text(written: str) -> Suggestion | None:
    """The one number of a text that says more: `0.3 (own guess)`, `0.3, C1`, `0.3;`, `> 0.3`."""
    text = _normalize(written)
    if (bound := _BOUND.match(text.lower())) and (number := suggest_number(text[bound.end() :])) and number.text:
        hint = f"write one number, such as {number.text}, or a range, such as {{uniform: [low, high]}}"
        return Suggestion("", hint, number.value)
    match = _NUMBER_AND_REST.fullmatch(text)
    if match is None or (number := suggest_number(match["number"])) is None or not number.text:
        return None
    rest = match["rest"].strip(" ()[]{};:,.#/*!?=-")
    if not rest:
        return Suggestion(number.text, f"write {number.text}", number.value)
    if claims := claim_ids_in(rest):
        hint = f"write [{', '.join([number.text, *claims])}]: the number, then its claims"
        return Suggestion("", hint, number.value)
    if re.match(r"\W*\d", rest):
        return None
    return Suggestion("", f"write {number.text}; what else there is to say stands behind a '#'", number.value)


def _parse_quantity(text: str) -> tuple[float | None, bool]:
    """A number, and whether it is computed, as from a percentage."""
    lower = text.lower()
    if percent := _PERCENT.fullmatch(lower):
        part = parse_loose_number(percent["number"])
        return (None if part is None else part / (100 if percent["hundred"] else 1000)), True
    if ratio := _RATIO.fullmatch(lower):
        above, below = parse_loose_number(ratio["above"]), parse_loose_number(ratio["below"])
        if not below or above is None:
            return None, True
        is_odds = ":" in ratio[0]
        value = _round_computed(float(ratio["whole"] or 0) + above / (above + below if is_odds else below))
        return (-value if ratio["sign"] else value), True
    return parse_loose_number(text), lower in _NUMBER_WORDS


_FAMILIES = {
    "beta": "beta",
    **dict.fromkeys(("pert", "betapert"), "pert"),
    **dict.fromkeys(("uniform", "u", "unif", "range", "interval", "flat"), "uniform"),
    **dict.fromkeys(("triangular", "tri", "triangle"), "triangular"),
    **dict.fromkeys(("normal", "n", "gauss", "gaussian"), "normal"),
}
_FAMILY_CALL = re.compile(r"(?P<family>[A-Za-z]+) ?[(\[:]? ?\[? ?(?P<numbers>[-+.,;/\d%\s]+?) ?[)\]]*")
_RANGE = re.compile(
    r"(?:between |from )?(?P<low>[-+]?[\d.,]*\d ?%?) ?(?:\.\.+|\u2026|-|to|and|bis|\u00e0) ?"
    r"(?P<high>[-+]?[\d.,]*\d ?%?)",
    re.IGNORECASE,
)
_MEAN_AND_SD = re.compile(r"(?P<mean>[-+]?[\d.,]*\d ?%?) ?(?:\+/-|\+-|\u00b1) ?(?P<sd>[\d.,]*\d ?%?)")


def suggest_family(written: str) -> str:
    """The distribution that a name is likely to mean; empty where none is near."""
    name = normalize_name(written, separator="")
    near = get_close_matches(name, _FAMILIES, n=1, cutoff=0.85) if len(name) > 2 else [name]
    return _FAMILIES.get(near[0], "") if near else ""


def suggest_distribution(written: str) -> Suggestion | None:
    """The distribution that a text such as `pert(1,2,3)`, `1..3` or `2 +- 1` is likely to mean."""
    text = _normalize(written).replace("{", "").replace("}", "")
    if (call := _FAMILY_CALL.fullmatch(text)) and (family := _FAMILIES.get(call["family"].lower())):
        numbers = _parse_parameters(family, call["numbers"])
        return _distribution_suggestion(family, numbers) if numbers else None
    for pattern, family in ((_MEAN_AND_SD, "normal"), (_RANGE, "uniform")):
        if match := pattern.fullmatch(text.replace("...", "..")):
            low, high = (_parse_quantity(part.strip())[0] for part in match.groups())
            if low is not None and high is not None and (family == "normal" or low < high):
                return _distribution_suggestion(family, [low, high])
    return None


def suggest_parameter_list(family: str, written: str) -> Suggestion | None:
    """The parameters of a distribution that stand without brackets, as in `{pert: 1, 2, 3}`."""
    if family not in _FAMILIES.values():
        return None
    numbers = _parse_parameters(family, written.strip("() "))
    if numbers is None:
        return None
    text = f"[{', '.join(map(format_number, numbers))}]"
    return Suggestion(text, f"write {{{family}: {text}}}", numbers)


def _parse_parameters(family: str, text: str) -> list[float] | None:
    return parse_number_list(text, 3 if family in ("pert", "triangular") else 2)


def parse_number_list(text: str, size: int) -> list[float] | None:
    """The numbers of a list of some size, whatever stands between them; None where the text is no such list."""
    for pattern in (r"[;/]\s*", r",\s+", r",\s*", r"\s+"):
        pieces = [piece.strip() for piece in re.split(pattern, text.strip()) if piece.strip()]
        values = [_parse_quantity(piece)[0] for piece in pieces]
        if len(values) == size and None not in values:
            return [value for value in values if value is not None]
    pieces = re.split(r"\s*,\s*", text.strip())
    if len(pieces) == 2 * size and all(piece.lstrip("-+").isdecimal() for piece in pieces):
        return [float(f"{left}.{right}") for left, right in zip(pieces[::2], pieces[1::2], strict=True)]
    return None


def _distribution_suggestion(family: str, numbers: list[float]) -> Suggestion:
    numbers = [float(format_number(number)) for number in numbers]
    text = f"{{{family}: [{', '.join(map(format_number, numbers))}]}}"
    return Suggestion(text, f"write {text}", {family: numbers})


def suggest_judgement(written: str) -> Suggestion | None:
    """The number or distribution that a text is likely to mean."""
    return suggest_number(written) or suggest_distribution(written)


# Durations

_UNITS = {
    **dict.fromkeys(
        ("month", "months", "mo", "mos", "mon", "m", "mth", "mths", "monat", "monate", "mois"), ("month", 1.0)
    ),
    **dict.fromkeys(("месяц", "месяца", "месяцев", "monaten", "mes", "meses"), ("month", 1.0)),
    **dict.fromkeys(
        ("quarter", "quarters", "q", "qtr", "qtrs", "quartal", "quartale", "trimestre", "trimestres"), ("quarter", 1.0)
    ),
    **dict.fromkeys(("year", "years", "y", "yr", "yrs", "a", "jahr", "jahre", "jahren", "an", "ans"), ("year", 1.0)),
    **dict.fromkeys(("год", "года", "лет", "année", "années", "año", "años"), ("year", 1.0)),
    **dict.fromkeys(("week", "weeks", "wk", "wks", "w", "woche", "wochen", "semaine", "semaines"), ("month", 12 / 52)),
    **dict.fromkeys(("day", "days", "d", "tag", "tage", "jour", "jours"), ("month", 12 / 365)),
    **dict.fromkeys(("decade", "decades"), ("year", 10.0)),
    **dict.fromkeys(("half-year", "half-years", "semester", "semesters"), ("month", 6.0)),
}
_DURATION = re.compile(r"(?P<number>.*?)[ -]?(?P<unit>[^\W\d_](?:[^\W\d_]|-)*)\.?")


def suggest_duration(written: str) -> Suggestion | None:
    """The duration that a text is likely to mean, such as `1.5 years` for `1,5 yrs`."""
    text = _normalize(written).lower()
    match = _DURATION.fullmatch(text)
    if match is None or match["unit"] not in _UNITS:
        return None
    unit, size = _UNITS[match["unit"]]
    number = _parse_quantity(match["number"].strip() or "1")[0]
    if number is None or not 0 < number * size < 1e5:
        return None
    count = f"{number * size:.2g}" if size < 1 else format_number(number * size)
    duration = f"{count} {unit}{'' if count == '1' else 's'}"
    return Suggestion(duration, f"write {duration}", duration)


# Dates


_MONTH_NAMES = (
    "january jan januar janvier janv enero января январь jänner",
    "february feb februar février févr febrero февраля февраль",
    "march mar märz mrz mars marzo марта март",
    "april apr avril avr abril апреля апрель",
    "may mai mayo мая май",
    "june jun juni juin junio июня июнь",
    "july jul juli juillet juil julio июля июль",
    "august aug août agosto августа август",
    "september sep sept septembre septiembre сентября сентябрь",
    "october oct oktober okt octobre octubre октября октябрь",
    "november nov novembre noviembre ноября ноябрь",
    "december dec dezember dez décembre déc diciembre декабря декабрь",
)
_MONTHS_BY_NAME = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_YEAR = r"(?P<year>[12]\d{3})"
_QUARTER = r"(?:q|quarter |kw|quartal |t|\u043a\u0432\.? ?)(?P<quarter>\d)"
_MONTH = r"(?P<month>\d{1,2})"
_DAY = r"(?P<day>\d{1,2})"
_SEPARATOR = r" ?[-/.,_: ] ?"
_WORD = r"(?P<name>[^\W\d_]+)\.?"
_DATE_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YEAR}(?:{_SEPARATOR})?{_QUARTER}",
        rf"{_QUARTER}(?:{_SEPARATOR}|'| of )?{_YEAR}",
        rf"(?P<quarter>\d)(?:st|nd|rd|th|\.)? ?(?:quarter|quartal|trimestre|q)(?:{_SEPARATOR}| of )?{_YEAR}",
        rf"{_YEAR}{_SEPARATOR}{_MONTH}(?:{_SEPARATOR}{_DAY})?(?:[t ].*)?",
        rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)?",
        rf"{_MONTH}{_SEPARATOR}{_YEAR}",
        rf"{_WORD}(?:{_SEPARATOR})?(?:of )?{_YEAR}",
        rf"{_YEAR}(?:{_SEPARATOR})?{_WORD}",
        rf"{_DAY}(?:st|nd|rd|th|\.)? ?(?:of |-)?{_WORD}{_SEPARATOR}{_YEAR}",
        rf"{_WORD} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}",
        rf"(?P<first>\d{{1,2}}){_SEPARATOR}(?P<second>\d{{1,2}}){_SEPARATOR}{_YEAR}",
        rf"(?:in |the year )?{_YEAR}(?:\.0*| (?:ad|ce))?",
    )
)
_QUARTERS_BY_WORD = {
    **dict.fromkeys(("end", "late", "ende", "fin", "konec"), "Q4"),
    **dict.fromkeys(("start", "begin", "beginning", "early", "anfang", "d\u00e9but"), "Q1"),
    **dict.fromkeys(("spring",), "Q2"),
    **dict.fromkeys(("summer",), "Q3"),
    **dict.fromkeys(("autumn", "fall"), "Q4"),
}


def suggest_dates(written: str) -> tuple[str, ...]:
    """The dates of the format that a text may mean, the likeliest first; none where it is like no date."""
    text = _normalize(written).lower()
    for pattern in _DATE_PATTERNS:
        if match := pattern.fullmatch(text):
            dates = _dates_of_parts(match.groupdict())
            return dates[:1] if re.fullmatch(r"\d+\.\d+\.\d+", text) else dates  # with points the day comes first
    return ()


def _dates_of_parts(parts: dict[str, str | None]) -> tuple[str, ...]:
    year = parts["year"]
    if quarter := parts.get("quarter"):
        return (f"{year}-Q{quarter}",) if quarter in "1234" else ()
    if name := parts.get("name"):
        if name in _QUARTERS_BY_WORD:
            return (f"{year}-{_QUARTERS_BY_WORD[name]}",)
        return (f"{year}-{_MONTHS_BY_NAME[name]:02d}",) if name in _MONTHS_BY_NAME else ()
    if parts.get("first"):
        first, second = int(parts["first"] or 0), int(parts["second"] or 0)
        orders = ((second, first), (first, second))
        months = dict.fromkeys(month for month, day in orders if 0 < month < 13 and 0 < day < 32)
        return tuple(f"{year}-{month:02d}" for month in months)
    if month := parts.get("month"):
        return (f"{year}-{int(month):02d}",) if 0 < int(month) < 13 else ()
    return (str(year),)


def suggest_date(written: str) -> tuple[str, str]:
    """The hint for a text that is no date, and the date that it is likely to mean; both may be empty."""
    quarter = re.fullmatch(r"\d{4}-?\s*[Qq]\s*(\d+)", written.strip())
    if quarter and quarter[1] not in ("1", "2", "3", "4"):
        return f"there is no quarter {quarter[1]}", ""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", written.strip()):
        return "", ""
    dates = suggest_dates(written)
    if not dates:
        return "", ""
    quoted = " or ".join(f"'{date}'" for date in dates)
    return f"did you mean {quoted}?", dates[0]


def suggest_day(written: str) -> str | None:
    """The day of the calendar that a text is likely to mean, as `2027-06-30`."""
    text = _normalize(written).lower()
    for match in filter(None, (pattern.fullmatch(text) for pattern in _DATE_PATTERNS)):
        parts = match.groupdict()
        months = _dates_of_parts(parts)
        day = parts.get("day")
        if parts.get("first") and months:
            day = parts["first"] if int(months[0][-2:]) == int(parts["second"] or 0) else parts["second"]
        if day and len(months) == 1:
            with suppress(ValueError):  # the calendar has no such day
                return date.fromisoformat(f"{months[0]}-{int(day):02d}").isoformat()
    return None


# Names

_CYRILLIC_LETTERS = dict(
    zip(
        "\u0430\u0431\u0432\u0433\u0434\u0435\u0451\u0436\u0437\u0438\u0439\u043a\u043b\u043c\u043d\u043e\u043f\u0440\u0441\u0442\u0443\u0444\u0445\u0446\u0447\u0448\u0449\u044a\u044b\u044c\u044d\u044e\u044f\u0456\u0457\u0454\u0491",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i yi ye g".replace("-", "").split(
            " "
        ),
        strict=True,
    )
)
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0455\u0458\u0501\u04bb\u03bf\u03b1\u03bd\u03c1\u03c5\u03b9\u0131",
    "abekmhopctyxisjdhoavpuii",
)
_LATIN_LETTERS = dict(
    zip("\u00df\u00f8\u00e6\u0153\u0142\u0111\u00fe\u00f0", ("ss", "o", "ae", "oe", "l", "d", "th", "d"), strict=True)
)


def non_ascii_letters(text: str) -> list[str]:
    """The letters that are not among a to z, capital or small."""
    return list(dict.fromkeys(letter for letter in text if letter.isalpha() and not letter.isascii()))


def normalize_name(written: str, *, separator: str = "_") -> str:
    """The name of small letters a to z, digits and `_` that is nearest to a text; empty where nothing of it is left."""
    text = unicodedata.normalize("NFKC", ZERO_WIDTH.sub("", written)).lower()
    if non_ascii_letters(text) and re.search("[a-z]", text):
        text = text.translate(_LOOK_ALIKES)
    text = "".join(_CYRILLIC_LETTERS.get(letter, _LATIN_LETTERS.get(letter, letter)) for letter in text)
    text = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    text = re.sub("['\u2019]", "", text)
    return re.sub("[^a-z0-9]+", separator, text).strip(separator)
