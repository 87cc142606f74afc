"""EBS volumes as sparse files on loop devices; snapshots as copies of those files."""

from __future__ import annotations

import os
from pathlib import Path

from ops.errors import OpsError
from ops.lab.programs import attempt, call

GIB = 1 << 30


class Disks:
    """The volumes and snapshots of one lab, as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, volume_id: str, size_gib: int, snapshot_id: str | None) -> None:
        """Make a volume: all zeros, or with what the snapshot holds, grown to its size."""
        path = self._file(volume_id)
        if path.exists():
            return
        if snapshot_id is None:
            path.touch()
        else:
            _copy(self._known(snapshot_id), path)
        os.truncate(path, max(size_gib * GIB, path.stat().st_size))

    def delete(self, name: str) -> None:
        """Remove a volume (with its loop device, if any) or a snapshot; none such is fine."""
        self.disconnect(name)
        self._file(name).unlink(missing_ok=True)

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """Keep what the volume's disk holds now; what a host has not yet written is not in it."""
        _copy(self._known(volume_id), self._file(snapshot_id))

    def connect(self, volume_id: str) -> Path:
        """Return the volume's loop device, made at the first call."""
        device = self.device(volume_id)
        if device is None:
            argv = ("losetup", "--find", "--show", "--nooverlap", str(self._known(volume_id)))
            device = Path(call(*argv).decode().strip())
        return device

    def disconnect(self, volume_id: str) -> None:
        """Remove the volume's loop device; one in use goes when its last user does."""
        device = self.device(volume_id)
        if device is not None:
            attempt("losetup", "--detach", str(device))

    def device(self, volume_id: str) -> Path | None:
        """Return the volume's loop device, or None."""
        return next(iter(loops(self._file(volume_id))), None)

    def numbers(self, volume_id: str) -> tuple[int, int]:
        """Return the major and minor number of the volume's loop device, made if need be."""
        number = self.connect(volume_id).stat().st_rdev
        return os.major(number), os.minor(number)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.img"

    def _known(self, name: str) -> Path:
        path = self._file(name)
        if not path.exists():
            raise OpsError(f"the lab has no disk of {name}")
        return path


def loops(below: Path) -> list[Path]:
    """Return the loop devices whose file is `below`, or lies below that folder."""
    found = []
    for block in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            text = block.read_text().strip().removesuffix(" (deleted)")
        except OSError:  # another lab's, gone since it was listed
            continue
        if text == str(below) or text.startswith(f"{below}/"):
            found.append(Path("/dev") / block.parts[3])
    return found


def _copy(source: Path, target: Path) -> None:
    """Copy a disk under another name first: a crash leaves no half snapshot."""
    making = target.with_suffix(".making")
    call("cp", "--reflink=auto", "--sparse=always", str(source), str(making))
    making.rename(target)
