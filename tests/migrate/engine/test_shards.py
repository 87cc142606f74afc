"""Files are shared out so that all streams end together, each file once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.migrate.engine import shards
from ops.migrate.engine.shards import Entry, Range, Shard, Sharing, streams_needed


def _entry(number: int, size: int, **more: Any) -> Entry:
    told: dict[str, Any] = {"blocks": size // 512 + 8, "modified": "1.5", "inode": str(number)}
    told |= {"names": 1, **more}
    return Entry(b"%d" % number, size, **told)


def _names(tasks: list[shards.Task]) -> list[bytes]:
    return [
        name
        for task in tasks
        if isinstance(task, Shard)
        for name in bytes(task.names).split(b"\0")[:-1]
    ]


@given(st.lists(st.integers(0, 300 << 20), max_size=60), st.integers(1, 40))
def test_every_byte_is_sent_once(sizes: list[int], streams: int) -> None:
    sharing = Sharing()
    for number, size in enumerate(sizes):
        sharing.add(_entry(number, size))
    tasks = sharing.tasks(streams)
    assert sum(task.size for task in tasks) == sum(sizes) == sharing.size
    bigs = {task.big.path for task in tasks if isinstance(task, Range)}
    assert sorted([*_names(tasks), *bigs]) == sorted(b"%d" % n for n in range(len(sizes)))


def test_names_of_one_file_travel_together() -> None:
    sharing = Sharing()
    for number in range(500):
        sharing.add(_entry(number, 1 << 20, names=2, inode=str(number % 250)))
    shard_of = {
        name: index
        for index, task in enumerate(sharing.tasks(8))
        if isinstance(task, Shard)
        for name in bytes(task.names).split(b"\0")
    }
    assert len(set(shard_of.values())) > 1
    assert all(shard_of[b"%d" % n] == shard_of[b"%d" % (n + 250)] for n in range(250))


def test_a_big_file_is_not_cut_when_it_is_mostly_holes() -> None:
    sharing, size = Sharing(), 10 << 30
    for number, share in enumerate((0.01, 0.4, 0.6, 1)):
        sharing.add(_entry(number, size, blocks=int(size * share) // 512))
    assert [big.path for big in sharing.bigs] == [b"2", b"3"]


def test_ranges_that_have_arrived_are_left_out() -> None:
    sharing = Sharing()
    sharing.add(_entry(1, shards.BIG))
    key = sharing.bigs[0].key
    left = sharing.tasks(4, frozenset({(key, 0, shards.RANGE)}))
    assert min(one.offset for one in left if isinstance(one, Range)) == shards.RANGE
    assert sum(one.size for one in left) == shards.BIG - shards.RANGE


@given(st.integers(0, 1 << 30), st.sets(st.integers(0, 40), max_size=20))
def test_what_is_missing_of_a_file_is_the_rest_of_it(size: int, there: set[int]) -> None:
    big = shards.Big(b"a", size, "1.5", "7")
    step = 25 << 20
    done = [(n * step, min(step, size - n * step)) for n in there if n * step < size]
    left = list(big.missing(frozenset((big.key, at, length) for at, length in done)))
    spans = sorted([*done, *((one.offset, one.length) for one in left)])
    ends = [at + length for at, length in spans]
    assert [at for at, _ in spans] == [0, *ends[:-1]][: len(spans)]
    assert sum(length for _, length in spans) == size


def test_the_pieces_of_a_range_are_all_of_it() -> None:
    whole = Range(shards.Big(b"a", 100 << 20, "1.5", "7"), 1 << 20, (32 << 20) + 17)
    pieces = whole.pieces()
    assert sum(one.length for one in pieces) == whole.length
    assert [one.offset for one in pieces[1:]] == [one.offset + one.length for one in pieces[:-1]]


def test_another_time_is_another_content() -> None:
    times = ("1.5", "2.5"), ("1.6", "2.5"), ("1.5", "2.6")
    bigs = [shards.Big(b"a", 1, modified, "7", changed) for modified, changed in times]
    assert len({big.key for big in bigs}) == len(bigs)


def test_a_window_a_round_trip_tells_the_streams() -> None:
    assert streams_needed(62.5e6, 0.070) == 3
    assert streams_needed(1e6, 0.0) == 1


def test_files_are_counted_by_size() -> None:
    sharing = Sharing()
    for size in (0, 1000, 1001, 10**10):
        sharing.count(size)
    assert sharing.classes[:2] == ((1000, 2, 1000), (10_000, 1, 1001))
    assert sharing.classes[-1] == (0, 1, 10**10)
