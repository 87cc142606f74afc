"""Runs and what they need: a journal, a record, the hosts of a component."""

from ops.run.course import Facts, Fold, Performer, Run, begin, now, recover, token
from ops.run.reach import Side, cloud, endpoint, host

__all__ = [
    "Facts",
    "Fold",
    "Performer",
    "Run",
    "Side",
    "begin",
    "cloud",
    "endpoint",
    "host",
    "now",
    "recover",
    "token",
]
