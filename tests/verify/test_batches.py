"""Which files are read next."""

from __future__ import annotations

from ops.verify.batches import ALONE, MOST_NAMES, Batches


def _batches(*sizes: int, workers: int = 2, name: int = 20) -> Batches:
    batches = Batches(workers)
    batches.add(list(range(len(sizes))), list(sizes), [name] * len(sizes))
    batches.complete = True
    return batches


def _all(batches: Batches) -> list[list[int]]:
    taken = []
    while batch := batches.take():
        taken.append(batch)
    return taken


def test_big_files_come_first_alone_and_the_largest_first() -> None:
    taken = _all(_batches(10, ALONE, 20, 3 * ALONE, 2 * ALONE))
    assert taken == [[3], [4], [1], [0, 2]]


def test_small_files_go_by_the_thousand_and_fewer_near_the_end() -> None:
    counts = [len(batch) for batch in _all(_batches(*[4096] * 50_000))]
    assert sum(counts) == 50_000
    assert counts[0] > 5000
    assert counts == sorted(counts, reverse=True)


def test_every_file_is_given_out_once() -> None:
    taken = _all(_batches(*range(0, 40 * (ALONE // 7), ALONE // 7)))
    assert sorted(index for batch in taken for index in batch) == list(range(40))


def test_long_names_bound_a_batch() -> None:
    counts = [len(batch) for batch in _all(_batches(*[0] * 20_000, name=4000))]
    assert max(counts) * 4001 <= MOST_NAMES + 4001


def test_nothing_small_is_given_out_before_there_is_enough() -> None:
    batches = Batches(2)
    batches.add([0], [5], [5])
    assert batches.take() == []
    batches.complete = True
    assert batches.take() == [0]
