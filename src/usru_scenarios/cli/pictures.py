"""Specifications of charts to pictures: the one place that knows what draws them, which comes with an extra."""

from __future__ import annotations

import json
import re
import sys
from hashlib import sha256
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from usru_scenarios.problems import UsageError

if TYPE_CHECKING:
    from types import ModuleType

PICTURES = ("svg", "png", "pdf", "html")
"""The formats that the extra `pictures` is needed for."""

_VERSION = "5.20"
"""Of Vega-Lite, whatever newer ones there are: the same input gives the same bytes."""
_PNG_SCALE = 2.0
"""Pixels of a PNG for each of the specification, so that it is sharp on fine screens and in print."""


_ADDRESS_SPACE = 122 << 30
"""Bytes that the JavaScript engine within reserves, hardly any of which it uses: with less it aborts the process."""


class NoPicturesError(UsageError):
    """What draws pictures is not installed, or can't run."""


class _NotInstalledError(NoPicturesError):
    """What draws pictures is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "usru: pictures are drawn by vl-convert-python, which is not installed",
            "pip install 'usru-scenarios[pictures]' (or pip install vl-convert-python); -f vega works without it",
        )


class _LimitedError(NoPicturesError):
    """A limit of address space would make it abort."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"usru: what draws pictures reserves {_ADDRESS_SPACE >> 30} GB of address space, and the limit of this"
            f" process is {limit / (1 << 30):.3g} GB",
            "ulimit -v unlimited lifts it; -f vega works under any limit",
        )


def load_renderer() -> ModuleType:
    """Import the module that draws pictures.

    Raises:
        NoPicturesError: it is not installed, or a limit of the process would make it abort.
    """
    if (limit := _address_space()) is not None and limit < _ADDRESS_SPACE:
        raise _LimitedError(limit)
    try:
        return import_module("vl_convert")
    except ImportError:
        raise _NotInstalledError from None


def _address_space() -> int | None:
    """How many bytes of address space the process may take; None where there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def draw(specification: dict[str, Any], form: str) -> bytes:
    """Draw a specification as a picture that fetches nothing.

    Args:
        specification: of a chart.
        form: one of `PICTURES`.

    Raises:
        NoPicturesError: what draws is not installed, or can't run.
    """
    renderer, options = load_renderer(), {"vl_version": _VERSION, "allowed_base_urls": []}
    if form == "png":
        return bytes(renderer.vegalite_to_png(specification, scale=_PNG_SCALE, **options))
    if form == "pdf":
        return bytes(renderer.vegalite_to_pdf(specification, **options))
    svg = _add_title(renderer.vegalite_to_svg(specification, **options), specification)
    return (f"{svg}\n" if form == "svg" else _html_page(svg, specification)).encode()


def _title(specification: dict[str, Any]) -> str:
    return " ".join(specification["title"]["text"])


def picture_description(specification: dict[str, Any]) -> str:
    """A text that says what a picture shows, for those who can't see it."""
    return str(specification["description"])


def _add_title(svg: str, specification: dict[str, Any]) -> str:
    """The picture with its title and description, for those who can't see it, and a hash of its specification."""
    elements = (
        f'<title id="usru-title">{escape(_title(specification))}</title>'
        f'<desc id="usru-desc">{escape(picture_description(specification))}</desc>'
    )
    attributes = (
        ' role="img" aria-labelledby="usru-title" aria-describedby="usru-desc"'
        f' data-specification="{fingerprint(specification)}"'
    )
    return re.sub(r"^(<svg\b[^>]*)>", lambda tag: f"{tag[1]}{attributes}>{elements}", svg, count=1)


def fingerprint(specification: dict[str, Any]) -> str:
    """16 digits of a hash of a specification.

    Numbers count with six digits: the last ones depend on numpy and on the processor.
    """
    return sha256(json.dumps(_round_numbers(specification), sort_keys=True).encode()).hexdigest()[:16]


def _round_numbers(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _round_numbers(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_round_numbers(value) for value in part]
    return float(f"{part:.6g}") if isinstance(part, float) else part


def _html_page(svg: str, specification: dict[str, Any]) -> str:
    """A page with the picture in it: without scripts, and with nothing to fetch."""
    from usru_scenarios.report.html import assemble_page

    picture = re.sub(r' width="[\d.]+" height="[\d.]+"', "", svg, count=1)
    width = re.findall(r'width="([\d.]+)"', svg)[0]
    style = f"""
body {{ margin: 0; background: #fff; }}
svg {{ display: block; width: 100%; max-width: {width}px; height: auto; }}
"""
    return assemble_page(escape(_title(specification)), "default-src 'none'; style-src 'unsafe-inline'", style, picture)
