import pytest

from ops.cloud import images
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.lab.aws.images import IMAGE, PARAMETER, ROOT_DEVICE


def test_an_image_is_found_by_its_id(cloud: Cloud) -> None:
    found = images.resolve(cloud, IMAGE)
    assert (found.id, found.root_device, found.architecture) == (IMAGE, ROOT_DEVICE, "x86_64")
    assert (found.state, found.root_gib) == ("available", 8)


def test_an_image_is_found_by_its_public_parameter(cloud: Cloud) -> None:
    assert images.resolve(cloud, f"ssm:{PARAMETER}") == images.resolve(cloud, IMAGE)


def test_an_unknown_image_is_named(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="DescribeImages ami-0123: ") as caught:
        images.resolve(cloud, "ami-0123")
    assert caught.value.code.startswith("InvalidAMIID")


def test_an_unknown_parameter_is_named(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="GetParameter /aws/service/nothing: ") as caught:
        images.resolve(cloud, "ssm:/aws/service/nothing")
    assert caught.value.code == "ParameterNotFound"


def test_images_are_found_by_the_snapshots_they_are_made_of(cloud: Cloud) -> None:
    made = cloud.ec2.register_image(Name="golden", RootDeviceName="/dev/xvda")["ImageId"]
    try:
        found = images.made_of(cloud)
        assert made in found.values() and all(name.startswith("snap-") for name in found)
    finally:
        cloud.ec2.deregister_image(ImageId=made)
