"""What every region of the lab's AWS starts with: one Debian image, and its parameter."""

from __future__ import annotations

from typing import Any

IMAGE = "ami-0debedeb1200debed"
"""The id of the lab's image, in every region."""

PARAMETER = "/aws/service/debian/release/12/latest/amd64"
"""The public parameter that holds it, as Debian publishes its own."""

_DEBIAN = "136693071363"
"""Debian's account at AWS (wiki.debian.org/Cloud/AmazonEC2Image)."""

ROOT_DEVICE = "/dev/xvda"
ROOT_GIB = 8


def add(account: str, region: str) -> None:
    """Put the image and its parameter into a region of an account."""
    from moto.ec2.models import ec2_backends
    from moto.ssm.models import ssm_backends

    _add_image(ec2_backends[account][region], region)
    _add_parameter(ssm_backends[account][region], account)


def _add_image(backend: Any, region: str) -> None:
    from moto.ec2.models.amis import Ami

    class Image(Ami):
        """An image whose root volume has a size that is true."""

        @property
        def block_device_mappings(self) -> list[dict[str, Any]]:
            ebs = {
                "SnapshotId": self.ebs_snapshot.id,
                "VolumeSize": ROOT_GIB,
                "VolumeType": "gp3",
                "DeleteOnTermination": True,
                "Encrypted": False,
            }
            return [{"DeviceName": self.root_device_name, "Ebs": ebs}]

    image = Image(
        backend,
        IMAGE,
        name="debian-12-amd64-lab",
        description="Debian 12, as the lab boots it",
        owner_id=_DEBIAN,
        public=True,
        virtualization_type="hvm",
        architecture="x86_64",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name=ROOT_DEVICE,
        region_name=f"{region}a",
    )
    image.ebs_snapshot.volume.size = ROOT_GIB
    backend.amis[IMAGE] = image


def _add_parameter(backend: Any, account: str) -> None:
    from moto.core.utils import utcnow
    from moto.ssm.models import Parameter

    make: Any = Parameter  # abstract in its annotations only
    parameter = make(
        account_id=account,
        name=PARAMETER,
        value=IMAGE,
        parameter_type="String",
        description="The newest Debian 12 image",
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow(),
        version=1,
        data_type="text",
    )
    backend._parameters[PARAMETER] = [parameter]
