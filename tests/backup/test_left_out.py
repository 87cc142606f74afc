"""What an archive leaves out."""

from __future__ import annotations

from ops.backup.left_out import mounted_below
from ops.verify.tree import Tree

MOUNTS = rb"""proc /proc proc rw 0 0
tmpfs /srv tmpfs rw 0 0
tmpfs /srv/a\040b tmpfs rw 0 0
tmpfs /srv/papers tmpfs rw 0 0
tmpfs /srv/papers/new tmpfs rw 0 0
tmpfs /srvx tmpfs rw 0 0
"""


def test_what_is_mounted_below_a_tree_that_stays_is_left_out_but_not_other_trees() -> None:
    stays, crosses = Tree("/srv"), Tree("/srv/papers", cross=True)
    assert mounted_below(MOUNTS, [stays], [stays, crosses]) == [b"/srv/a b/*"]
    elsewhere = Tree("/home", cross=True)
    assert mounted_below(MOUNTS, [stays], [stays, elsewhere]) == [
        b"/srv/a b/*",
        b"/srv/papers/*",
        b"/srv/papers/new/*",
    ]
