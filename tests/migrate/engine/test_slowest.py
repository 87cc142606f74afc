"""Which big files took longest."""

from ops.migrate.engine.shards import Big, Range, Shard
from ops.migrate.engine.slowest import Slowest

ONE, OTHER = Big(b"one", 100, "1.5", "1"), Big(b"oth\\er\n", 200, "1.5", "2")


def test_a_file_takes_from_its_first_range_to_its_last() -> None:
    slowest = Slowest()
    slowest.began(["a", "b"], 10.0)
    slowest.ended("a", Range(ONE, 0, 50), 12.0)
    slowest.ended("b", Range(OTHER, 0, 200), 11.0)
    slowest.ended("b", Shard(), 13.0)
    slowest.ended("b", Range(ONE, 50, 50), 14.5)
    assert slowest.told() == (("one", 100, 4.5), ("oth\\134er\\012", 200, 1.0))
    assert slowest.told(1) == (("one", 100, 4.5),)
