"""Figures as people read them: 1.2 GB, 54 MB/s, 3 min 20 s, 20,000."""

from __future__ import annotations

import math

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def size(count: float) -> str:
    """Return `count` bytes in decimal units with three digits at most: 999 B, 1.5 kB, 54 MB."""
    value, index = float(count), 0
    while round(value) >= 1000 and index < len(_UNITS) - 1:
        value, index = value / 1000, index + 1
    digits = 1 if index and round(value, 1) < 10 else 0
    return f"{value:.{digits}f} {_UNITS[index]}"


def rate(count: float, seconds: float) -> str:
    """Return `count` bytes in `seconds` as a rate; "-" when no time has passed."""
    return f"{size(count / seconds)}/s" if seconds > 0 else "-"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: 0.4 s, 42 s, 3 min 20 s, 2 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = math.floor(seconds + 0.5)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def number(count: int) -> str:
    """Return a count with commas: 20,000."""
    return f"{count:,}"
