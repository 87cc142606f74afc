"""SVG as it stands inside an HTML page: no prolog, own ids, the page's colours and fonts."""

from __future__ import annotations

import re
from hashlib import sha256

INK = "#0a0b0c"
"""The colour to draw with where the page's own text colour is to appear."""

_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]+)')
_TITLE = 'role="img" aria-label="{}"'


def inline(svg: str, title: str) -> str:
    """Return `svg`, as matplotlib wrote it, to be put into a page.

    `title` is read out to those who can't see the plot. Ids that nothing refers to are
    left out; the others are made this plot's own, so that several fit into one page.
    What was drawn in INK takes the colour of the text around it, in light and dark.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = _own_ids(body, sha256(svg.encode()).hexdigest()[:6])
    body = body.replace(INK, "currentColor")
    body = re.sub(r"font-family: [^;\"]+", "font-family: inherit", body)
    body = re.sub(r"\s*\n\s*", " ", body).replace("> <", "><")
    return _scalable(body, title)


def _own_ids(body: str, prefix: str) -> str:
    wanted = set(_REFERENCE.findall(body))

    def owned(match: re.Match[str]) -> str:
        return f' id="{prefix}-{match[1]}"' if match[1] in wanted else ""

    body = re.sub(r'\sid="([^"]+)"', owned, body)
    return _REFERENCE.sub(lambda match: match[0].replace("#", f"#{prefix}-"), body)


def _scalable(body: str, title: str) -> str:
    """Let the page decide the width: the view box keeps the proportions."""
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(?:width|height|version)="[^"]*"', "", head)
    return f"{head} {_TITLE.format(label)}>{rest}"
