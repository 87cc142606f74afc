"""The inventory repo on disk: found, read as far as asked, and guarded against changes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops.errors import OpsError, Refused, UsageError
from ops.inventory import (
    document,
    files,
    hostkeys,
    links,
    locks,
    machine,
    records,
    references,
    signing,
    validation,
)
from ops.inventory.git import Git
from ops.inventory.problems import Broken, Problem, nearest
from ops.inventory.schema import Component, Site, State

_FOUND = "fab inventory.init path=DIR"
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")


@dataclass(frozen=True)
class Repository:
    """An inventory at `path`; `project` is the suite's own folder, for templates and sample."""

    path: Path
    project: Path

    @classmethod
    def find(cls, environ: Mapping[str, str], start: Path) -> Repository:
        """Return the inventory of OPS_INVENTORY, else of fabric.yaml, else the sample.

        `start` is the folder of the suite. Relative paths in fabric.yaml start there. Raise
        Refused when there is none.
        """
        named = environ.get("OPS_INVENTORY") or _configured(environ, start)
        path = (start / Path(named).expanduser() if named else start / "inventory").absolute()
        if not (path / "site.yaml").is_file():
            raise Refused(
                f"there is no inventory in {path}",
                f"Make one with `{_FOUND}`, then `export OPS_INVENTORY=DIR`.",
            )
        return cls(path, start)

    # -- places

    @property
    def var(self) -> Path:
        """Return the folder outside git for journals, locks, manifests, samples, keys."""
        return self.path / "var"

    @property
    def known_hosts(self) -> Path:
        """Return the file of pinned host keys."""
        return self.path / "known_hosts"

    @property
    def git(self) -> Git:
        """Return the repository's git."""
        return Git(self.path)

    def run_folder(self, run: str) -> Path:
        """Return var/runs/RUN, where a run keeps its large files; it may not exist yet."""
        return self.var / "runs" / run

    def template(self, name: str) -> Path:
        """Return the file of a template: the inventory's own, else the suite's."""
        for folder in self.template_folders():
            if (folder / name).is_file():
                return folder / name
        raise OpsError(f"there is no template {name}", f"Put it into {self.path / 'templates'}.")

    def template_folders(self) -> list[Path]:
        """Return where templates are looked for, the first first."""
        return [self.path / "templates", self.project / "templates"]

    # -- reading

    @cached_property
    def _site(self) -> Site:
        return validation.value(self._document("site.yaml"), Site)

    def site(self) -> Site:
        """Return site.yaml. Raise Broken with all that is wrong with it."""
        return self._site

    def names(self) -> list[str]:
        """Return the names of all components, sorted; their files are not read."""
        return sorted(path.stem for path in self._component_files() if _SLUG.match(path.stem))

    def component(self, name: str) -> Component:
        """Return one component; only its file and site.yaml are read.

        Raise UsageError with the nearest name when there is none, Broken when its file is wrong.
        """
        return self._component(name, self.names())

    def components(self) -> dict[str, Component]:
        """Return all components by name. Raise Broken with the problems of all files."""
        found, problems = self._all()
        if problems:
            raise Broken(problems)
        return found

    def problems(self) -> list[Problem]:
        """Return all that is wrong with the inventory; nothing when it can be used."""
        return self._all()[1]

    def state(self, name: str) -> State:
        """Return what tasks observed about a component; the empty state before the first."""
        path = f"state/{name}.yaml"
        if not (self.path / path).exists():
            return State.model_validate({})
        return validation.value(self._document(path), State)

    def secret(self, reference: str, environ: Mapping[str, str]) -> str:
        """Return what `env:NAME` or `file:PATH` refers to. Raise Refused when it is not there."""
        return references.resolve(reference, self.path, environ)

    # -- records

    def runs(self, component: str = "", task: str = "") -> Iterator[str]:
        """Yield the ids of recorded runs, the newest first; those of a component or task only."""
        listed = sorted((path.stem for path in self.path.glob("runs/*/*/*.yaml")), reverse=True)
        for run in listed:
            words = run.split("_")
            if (not component or component in words[2:3]) and (not task or task == words[1]):
                yield run

    def record(self, run: str) -> records.Record:
        """Return the record of a run. Raise UsageError when there is none."""
        found = next(iter(self.path.glob(f"runs/*/*/{run}.yaml")), None) if run else None
        if found is None:
            newest = list(self.runs())
            raise UsageError(f"there is no run {run}{nearest(run, newest)}")
        name = str(found.relative_to(self.path))
        return validation.value(self._document(name), records.Record)

    def unfinished(self, component: str, task: str = "") -> records.Record | None:
        """Return the component's newest record (of `task`) when that run did not end well."""
        newest = next(self.runs(component, task), None)
        record = self.record(newest) if newest else None
        return record if record and record.verdict in records.UNFINISHED else None

    def steps(
        self, component: str, kind: str, task: str = ""
    ) -> Iterator[tuple[str, records.RecordedStep]]:
        """Yield every recorded step of that kind as (run, step), the newest first.

        So "did we create volume vol-1?" is
        `any(step.facts.get("id") == "vol-1" for _, step in repo.steps(name, "volume.create"))`.
        """
        for run in self.runs(component, task):
            for step in reversed(self.record(run).steps):
                if step.kind == kind:
                    yield run, step

    def verify_signature(self, run: str) -> str:
        """Return who signed the run. Raise OpsError when the record or a file was changed.

        Files under var/ that were cleared away since are no fault.
        """
        record = self.record(run)
        yaml, sums, signature = (
            self.path / name for name in records.paths(run, record.started.isoformat())
        )
        content = sums.read_bytes()
        who = signing.verify(content, signature, self.path / "allowed_signers")
        told = records.digests(record, str(yaml.relative_to(self.path)), yaml.read_text())
        if told.encode() != content:
            raise OpsError(f"{yaml}: the record was changed after it was signed")
        for name, file in record.files.items():
            path = self.path / name
            if path.exists() and records.file_digest(path).sha256 != file.sha256:
                raise OpsError(f"{path}: the file was changed after run {run}")
        return who

    # -- guards

    @property
    def is_sample(self) -> bool:
        """Return whether this is the sample that comes with the suite."""
        return self.path == (self.project / "inventory").absolute()

    def writable(self) -> None:
        """Raise Refused unless this machine may change things by this inventory."""
        if self.is_sample:
            raise Refused(
                "this is the sample inventory of the suite: it can only be read",
                f"Make your own with `{_FOUND}`, then `export OPS_INVENTORY=DIR`.",
            )
        if not (self.path / ".git").exists():
            raise Refused(
                f"{self.path} is no git repository of its own: changes could not be recorded",
                f"Make an inventory with `{_FOUND}`.",
            )
        self._is_controller()

    def clean(self, component: str = "") -> None:
        """Raise Refused when people's edits that a task would act on are not committed."""
        paths = ["site.yaml", *([f"components/{component}.yaml"] if component else ())]
        changed = self.git.changed(paths)
        if changed:
            listed = " ".join(changed)
            raise Refused(
                f"{self.path}: uncommitted edits in {', '.join(changed)}",
                f"Look at them with `git -C {self.path} diff -- {listed}`, then commit them.",
            )

    def signer(self, environ: Mapping[str, str]) -> signing.Signer:
        """Return who signs records here. Raise Refused when that would not work."""
        told = self.site().signing
        signer = signing.Signer(told.principal, self.secret(told.key, environ))
        signing.check(signer, self.path / "allowed_signers")
        return signer

    # -- host keys

    def pinned(self, key_name: str) -> str | None:
        """Return the host key (`TYPE BASE64`) pinned for `wiki.cloud.main`, if there is one."""
        return hostkeys.pinned(self._known_hosts_text(), key_name)

    def pin(self, key_name: str, public_key: str) -> None:
        """Make `public_key` the one host key of `key_name`, from now on."""
        self._pin(key_name, public_key)

    def unpin(self, key_name: str) -> None:
        """Forget the host key of `key_name`."""
        self._pin(key_name, None)

    @contextlib.contextmanager
    def locked(self) -> Iterator[Git]:
        """Hold the repository lock, for milliseconds; give the git to be used meanwhile."""
        with locks.repository_lock(self.var) as number:
            yield Git(self.path, number)

    def _pin(self, key_name: str, public_key: str | None) -> None:
        with self.locked():
            text = hostkeys.with_pin(self._known_hosts_text(), key_name, public_key)
            files.write(self.known_hosts, text.encode())

    def _known_hosts_text(self) -> str:
        return self.known_hosts.read_text() if self.known_hosts.exists() else ""

    def _is_controller(self) -> None:
        controller = self.site().controller
        if controller.machine_id != machine.machine_id():
            raise Refused(
                f"this machine is not the controller: that is {controller.name}",
                f"Run the task on {controller.name}, or hand control over to this machine "
                "with `fab inventory.adopt`.",
            )
        known = self.known_epoch()
        if known is not None and known != controller.epoch:
            raise Refused(
                f"control has moved on: site.yaml is of epoch {controller.epoch}, "
                f"this machine was the controller in epoch {known}",
                "Run tasks on the controller, or take control with `fab inventory.adopt`.",
            )

    def known_epoch(self) -> int | None:
        """Return the epoch in which this machine became the controller, if it noted one."""
        path = self.var / "epoch"
        return int(path.read_text()) if path.is_file() else None

    def _component_files(self) -> list[Path]:
        return sorted((self.path / "components").glob("*.yaml"))

    def _component(self, name: str, names: list[str]) -> Component:
        if name not in names:
            raise UsageError(f"there is no component {name}{nearest(name, names)}")
        read = self._document(f"components/{name}.yaml")
        component = validation.value(read, Component)
        problems = [
            *validation.dangling(read, component.dangling()),
            *validation.dangling(read, links.dangling(component, self.site(), names)),
            *links.missing_templates(read, component, self.template_folders()),
            *links.bad_patterns(read, component),
        ]
        if problems:
            raise Broken(problems)
        return component

    def _all(self) -> tuple[dict[str, Component], list[Problem]]:
        names = self.names()
        found: dict[str, Component] = {}
        problems = list(self._strays())
        try:
            self.site()
        except Broken as error:
            return found, [*problems, *error.problems, *self._without_site(names)]
        for name in names:
            try:
                found[name] = self._component(name, names)
            except Broken as error:
                problems += error.problems
        return found, sorted([*problems, *_circles(found)])

    def _without_site(self, names: Iterable[str]) -> Iterator[Problem]:
        for name in names:
            try:
                validation.value(self._document(f"components/{name}.yaml"), Component)
            except Broken as error:
                yield from error.problems

    def _strays(self) -> Iterator[Problem]:
        for path in sorted((self.path / "components").glob("[!.]*")):
            name = str(path.relative_to(self.path))
            if path.suffix == ".yaml" and not _SLUG.match(path.stem):
                words = f"{path.stem} is no name for a component: lower case, digits and dashes"
                yield Problem(name, 1, 1, words)
            elif path.suffix == ".yml":
                yield Problem(name, 1, 1, f"is not read: call it {path.stem}.yaml")

    def _document(self, name: str) -> document.Document:
        try:
            return document.read((self.path / name).read_bytes(), name)
        except OSError as error:
            raise OpsError(f"{self.path / name}: {error.strerror}") from None


def _circles(found: Mapping[str, Component]) -> Iterator[Problem]:
    circle = links.circle({name: component.depends for name, component in found.items()})
    if circle:
        words = f"depends goes in a circle: {' -> '.join(circle)}"
        yield Problem(f"components/{circle[0]}.yaml", 1, 1, words)


def _configured(environ: Mapping[str, str], start: Path) -> str:
    """Return `inventory:` of the first fabric.yaml that has it, "" when none does."""
    home = environ.get("HOME")
    for path in (
        start / "fabric.yaml",
        *([Path(home) / ".fabric.yaml"] if home else ()),
        Path("/etc/fabric.yaml"),
    ):
        if path.is_file():
            named = document.read(path.read_bytes(), str(path)).data.get("inventory")
            if named:
                return str(named)
    return ""
