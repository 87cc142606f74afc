"""A component's key on the target: the one line of authorized_keys that is ours."""

from __future__ import annotations

from hashlib import sha256

from ops.errors import OpsError
from ops.migrate.engine import passes
from ops.remote.command import script
from ops.remote.host import Host

_READ = """
file=$HOME/.ssh/authorized_keys
[ ! -e "$file" ] || exec cat -- "$file"
"""

# Only the whole new text, and only in place of the text that it was made from.
_REPLACE = """
umask 077
mkdir -p -- "$HOME/.ssh" && file=$(readlink -f -- "$HOME/.ssh/authorized_keys") || exit
exec 9<"$HOME/.ssh" && flock -w 10 9 || exit 75
new=$file.ops-$$
trap 'rm -f -- "$new"' EXIT
sum() { set -- $(sha256sum); echo "$1"; }
[ ! -e "$file" ] || cp -p -- "$file" "$new" || exit
[ "$(if [ -e "$file" ]; then cat -- "$file"; fi | sum)" = "$1" ] || exit 75
cat >"$new" && [ "$(sum <"$new")" = "$2" ] && mv -f -- "$new" "$file"
"""


class Keys:
    """The target's authorized_keys, in which the component has one line or none."""

    def __init__(self, target: Host, component: str) -> None:
        self.component = component
        self.now = ""
        """The target's time, as an expiry is told: lines of any run that are over by it go too."""
        self._target = target
        self._text: bytes | None = None

    def look(self) -> None:
        """Read the file, so that the first change need not."""
        self._text = self._target.run(script(_READ)).out

    def let(self, line: bytes) -> None:
        """Make `line` the component's only line; b"" for none. Raise OpsError if that fails."""
        for _ in range(5):
            old = self._target.run(script(_READ)).out if self._text is None else self._text
            new = passes.unexpired(passes.without(old, self.component), self.now)
            new = passes.added(new, line) if line else new
            said = self._replaced(old, new)
            if self._text is not None:
                return
        raise OpsError(
            f"{self._target.name}: authorized_keys could not be changed{said}",
            "Look at ~/.ssh of the log-in there; a line with ops-migrate in it can be removed.",
        )

    def _replaced(self, old: bytes, new: bytes) -> str:
        """Put `new` in the place of `old`, remember it; else forget and return why."""
        if new != old or self._text is None:
            digests = [sha256(text).hexdigest() for text in (old, new)]
            self._text = None  # interrupted from here on, the file is read again
            result = self._target.run(script(_REPLACE, *digests, stdin=new), check=False)
            if result.code != 0:
                return f": {result.err.decode(errors='replace').strip()}" if result.err else ""
        self._text = new
        return ""
