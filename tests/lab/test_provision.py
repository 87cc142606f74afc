"""Provisioning of real hosts: cloud-init, volumes, packages, services, kills, strangers."""

from __future__ import annotations

import base64
import http.client
import json
import random
import re
import subprocess
from collections.abc import Iterator

import pytest

from ops import run
from ops.cloud import instances, tags, volumes
from ops.lab.record import Lab
from ops.provision.storage import filesystem_uuid
from ops.remote.command import command
from ops.remote.endpoint import ssh_options
from tests.support.parts import FILE, FOLDER, KEY, LOGS, PACKAGE, SOON, Part, declared

pytestmark = pytest.mark.lab


@pytest.fixture
def part(full_lab: Lab) -> Iterator[Part]:
    """A component of one test's own."""
    with declared(full_lab) as made:
        yield made


@pytest.fixture(scope="module")
def standing(full_lab: Lab) -> Iterator[Part]:
    """A provisioned component; each test leaves it provisioned."""
    with declared(full_lab) as made:
        code, said = made.provision()
        assert code == 0, said
        yield made


def test_a_host_is_made_and_then_there_is_nothing_to_do(standing: Part) -> None:
    assert standing.provision() == (0, f"{standing.name}: nothing to do\n")
    assert standing.instance.ready
    assert standing.repo.state(standing.name).phase == "provisioned"
    assert standing.drift() == (0, set())
    assert standing.do('systemctl is-active cron; stat -c %a "$1"', FILE) == "active\n600\n"


def test_accounts_time_zone_firewall_and_hooks_are_as_declared(standing: Part) -> None:
    said = standing.do(
        "id -nG editor; cat ~editor/.ssh/authorized_keys; stat -c %a:%U ~editor/.ssh;"
        "runuser -u editor -- sudo -n id -u; readlink /etc/localtime; nft list ruleset;"
        "stat -c %a /usr/local/lib/ops/hooks/wiki/nginx.conf"
    )
    assert said.startswith(f"editor adm\n{KEY}\n700:editor\n0\n/usr/share/zoneinfo/Europe/Berlin\n")
    assert "ip saddr 198.18.0.0/15 tcp dport 22 accept" in said
    assert said.endswith("755\n")


def test_a_run_with_nothing_to_do_makes_one_connection_a_host(standing: Part) -> None:
    # what journald has not read yet is waited for; who said it is in the message itself
    asked = "journalctl --sync; journalctl --no-pager -t sshd -t sshd-session"
    count = f"{asked} | grep -c 'Accepted publickey'"
    before = int(standing.do(count))
    standing.provision()
    assert int(standing.do(count)) == before + 2  # the run's, and this one's


def test_settings_changed_by_hand_are_put_right(standing: Part) -> None:
    standing.do(
        "usermod -s /bin/sh editor; echo >>~editor/.ssh/authorized_keys; nft flush ruleset;"
        "ln -sfn /usr/share/zoneinfo/UTC /etc/localtime"
    )
    assert standing.drift() == (1, {"changed", "account", "service"})
    _, said = standing.provision()
    steps = [line for line in said.splitlines() if line.startswith(f"{standing.name}: ~ ")]
    assert [line.split(": ~ ")[1] for line in steps] == [
        "set the time zone Europe/Berlin, now UTC",
        "set the account editor (1 key, sudo), differs: shell /bin/sh, keys",
        "restart nftables, the kernel filters by other rules",
    ]
    assert standing.provision()[1] == f"{standing.name}: nothing to do\n"


def test_an_account_gains_nothing_by_what_it_puts_in_its_home(standing: Part) -> None:
    standing.do("rm -r ~editor/.ssh; ln -s /etc ~editor/.ssh; chown -h editor: ~editor/.ssh")
    code, said = standing.provision()
    assert (code, "could not set the account editor" in said) == (1, True), said
    assert standing.do("stat -c %U /etc; ls /etc/authorized_keys || :") == "root\n"
    standing.do(
        "rm ~editor/.ssh; cd ~editor; runuser -u editor mkdir .ssh;"
        "runuser -u editor mkfifo .ssh/authorized_keys"
    )
    assert standing.provision()[0] == 0
    assert standing.do("cat ~editor/.ssh/authorized_keys") == f"{KEY}\n"
    assert standing.provision()[1] == f"{standing.name}: nothing to do\n"


def test_the_console_bears_witness_to_the_first_key(standing: Part) -> None:
    ((_, step),) = list(standing.repo.steps(standing.name, "host.await", "provision"))
    assert step.facts["console"] == "shows the same host key"


def test_volumes_are_mounted_by_their_ids_one_inside_the_other(standing: Part) -> None:
    ids = {name: volume.id for name, volume in standing.instance.volumes.items()}
    fstab = standing.do("cat /etc/fstab")
    for name, (path, kind) in {"data": (FOLDER, "ext4"), "logs": (LOGS, "xfs")}.items():
        link = f"nvme-Amazon_Elastic_Block_Store_{ids[name].replace('-', '', 1)}"
        assert re.search(rf"^/dev/disk/by-id/{link} {path} {kind} .*nofail", fstab, re.MULTILINE)
        seen = standing.do('findmnt -no FSTYPE,UUID --mountpoint "$1"', path).split()
        assert seen == [kind, filesystem_uuid(ids[name])]


def test_the_hosts_own_key_is_pinned_and_not_the_one_of_its_user_data(standing: Part) -> None:
    seen = run.cloud(standing.repo).ec2.describe_instance_attribute(
        InstanceId=standing.instance.id, Attribute="userData"
    )
    sent = base64.b64decode(seen["UserData"]["Value"])
    pinned = standing.repo.pinned(f"{standing.name}.cloud.main") or ""
    assert pinned not in sent.decode()
    endpoint = run.endpoint(standing.repo, standing.name, "cloud")
    done = subprocess.run(
        ["ssh", *ssh_options(endpoint), endpoint.address, "cat /etc/ssh/ssh_host_ed25519_key.pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(pinned)


def test_changes_by_hand_are_put_right_and_nothing_else_is_touched(standing: Part) -> None:
    standing.do(
        'rm "$1"; systemctl stop cron; umount "$2"; dpkg --purge "$3" >/dev/null',
        FILE,
        LOGS,
        PACKAGE,
    )
    assert standing.drift() == (1, {"mount", "package", "file", "service"})
    _, said = standing.provision()
    steps = [line for line in said.splitlines() if re.match(rf"{standing.name}: [+~!-] ", line)]
    assert [line.split()[2] for line in steps] == ["mount", "install", "write", "restart"]
    assert standing.provision()[1] == f"{standing.name}: nothing to do\n"


def test_an_instance_that_was_stopped_comes_back_with_its_mounts(standing: Part) -> None:
    standing.do('echo kept >"$1/page"', FOLDER)
    aws, name = run.cloud(standing.repo), standing.instance.id
    instances.stop(aws, name)
    instances.wait(aws, name, "stopped", SOON)
    code, said = standing.provision()
    assert code == 0, said
    assert standing.do('cat "$1/page"', FOLDER) == "kept\n"
    assert standing.provision()[1] == f"{standing.name}: nothing to do\n"


def test_a_successor_takes_the_volumes_over_with_what_they_hold(standing: Part) -> None:
    standing.do('echo kept >"$1/page"', FOLDER)
    aws, first = run.cloud(standing.repo), standing.instance
    instances.protect(aws, first.id, on=False)
    instances.terminate(aws, first.id)
    code, said = standing.provision()
    assert code == 0, said
    assert standing.instance.generation == 2
    assert standing.instance.volumes == first.volumes
    assert standing.do('cat "$1/page"', FOLDER) == "kept\n"


def test_killed_anywhere_and_run_again_all_is_there_once(part: Part, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        line = chance.randrange(1, 19)
        part.provision_until(rf"^{part.name}: [+~]", line, chance.random())
    code, said = part.provision()
    assert code == 0, f"seed {seed}: {said}"
    aws = run.cloud(part.repo)
    states = (*instances.ALIVE, "terminated")
    assert len(instances.find(aws, {tags.COMPONENT: part.name}, states)) == 1, f"seed {seed}"
    made = volumes.find(aws, {tags.COMPONENT: part.name, tags.VOLUME: tags.ANY})
    assert sorted(one.id for one in made) == sorted(v.id for v in part.instance.volumes.values())
    assert part.provision()[1] == f"{part.name}: nothing to do\n"


def test_a_volume_that_somebody_else_formatted_is_never_formatted(part: Part) -> None:
    part.provision_until(f"^{part.name}: .*wait for")
    aws = run.cloud(part.repo)
    (found,) = volumes.find(aws, {tags.COMPONENT: part.name, tags.VOLUME: "data"})
    device = part.device(found.id)
    subprocess.run(["mkfs.ext4", "-q", "-L", "theirs", device], check=True, capture_output=True)
    code, said = part.provision()
    assert code == 3
    assert f"data ({found.id}) is not empty, and not as this suite made it" in said
    seen = subprocess.run(["blkid", "-p", device], check=True, capture_output=True, text=True)
    assert 'LABEL="theirs"' in seen.stdout


def test_an_empty_volume_that_no_run_made_is_never_formatted(part: Part) -> None:
    aws = run.cloud(part.repo)
    own = {tags.COMPONENT: part.name, tags.SLOT: "main", tags.VOLUME: "data"}
    order = volumes.Order(f"{part.name}-token", "us-east-1a", 1, own)
    theirs = volumes.create(aws, order)
    code, said = part.provision()
    assert code == 3
    assert f"data ({theirs.id}) is empty, and no run of ours made it" in said
    assert instances.find(aws, {tags.COMPONENT: part.name}) == ()


def test_a_host_with_a_changed_key_is_refused(part: Part) -> None:
    """The host's sshd is restarted: a reload has not come about when systemctl returns."""
    part.provision()
    part.do(
        "rm /etc/ssh/ssh_host_ed25519_key*; systemctl stop cron;"
        "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh"
    )
    code, said = part.provision()
    assert code == 3
    assert f"{part.name}.cloud.main" in said
    assert part.drift() == (1, {"host key"})


def test_a_host_that_refuses_connections_is_named(part: Part) -> None:
    part.provision()
    with run.host(part.repo, part.name, "cloud") as host:
        host.run(command("systemctl", "stop", "ssh", root=True))
    code, said = part.provision()
    assert code == 1
    assert f"{part.name}.cloud.main" in said
    assert "Traceback" not in said
    assert part.drift() == (4, set())


def test_replies_lost_double_neither_instance_nor_volume(part: Part) -> None:
    making = ["CreateSecurityGroup", "CreateVolume", "CreateVolume", "AttachVolume"]
    faults = [{"action": call, "kind": "lost"} for call in making]
    rehearsed = {"action": "RunInstances", "kind": "lost", "skip": 2}
    to = http.client.HTTPConnection(str(part.repo.site().cloud.endpoint).removeprefix("http://"))
    to.request("POST", "/lab/faults", json.dumps([*faults, rehearsed]))
    to.getresponse().read()
    code, said = part.provision()
    to.request("GET", "/lab/faults")
    assert (code, json.loads(to.getresponse().read())) == (0, []), said
    to.close()
    ours = {tags.COMPONENT: part.name}
    assert len(instances.find(run.cloud(part.repo), ours)) == 1
    made = volumes.find(run.cloud(part.repo), {**ours, tags.VOLUME: tags.ANY})
    assert len(made) == len(part.instance.volumes) == 2
