"""A page in one file that answers "what if?" by itself: its template, its style and its modules, put together.

The modules (`*.mjs`) stand on their own under node, where tests hold their sums against the sampler's.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_COMPRESSION_LEVEL = 7
"""Of compression: the highest takes nine times as long, a fifth of the whole command, and saves a twentieth."""
MODULES = ("arrays", "engine", "estimates", "state", "chart", "view", "main")
"""Each after those that it imports from."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def render_page(about: Mapping[str, Any], arrays: bytes) -> str:
    """The page as HTML: nothing in it is fetched, and what `about` and `arrays` say is data wherever it stands."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = bundled_script()
    parts = {
        "policy": f"default-src 'none'; script-src {_content_hash(script)}; style-src {_content_hash(style)}; "
        "base-uri 'none'; form-action 'none'",
        "title": html.escape(f"{about['title']}: what if?"),
        "heading": html.escape(about["title"]),
        "footer": html.escape(about["footer"]),
        "style": style,
        "data": base64.b64encode(gzip.compress(encode_page_data(about, arrays), _COMPRESSION_LEVEL, mtime=0)).decode(),
        "script": script,
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda placeholder: parts[placeholder[1]], template)


def encode_page_data(about: Mapping[str, Any], arrays: bytes) -> bytes:
    """Return the length of the JSON in 4 bytes, the JSON and the arrays, as `arrays.mjs` reads them."""
    encoded = json.dumps(about, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return len(encoded).to_bytes(4, "little") + encoded + arrays


def bundled_script() -> str:
    """All modules as one, without their imports and exports: no two of them give a name two meanings."""
    texts = [(FOLDER / f"{name}.mjs").read_text(encoding="utf-8") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def _content_hash(text: str) -> str:
    """The hash by which a content security policy allows an inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
