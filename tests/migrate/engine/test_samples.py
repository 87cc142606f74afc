"""The meter's samples, read back and summed up."""

import gzip
from pathlib import Path

from ops.migrate.engine.samples import (
    Phase,
    Sample,
    busy,
    line,
    mean_load,
    phases,
    rates,
    read,
    sockets,
)

RUN = [
    Sample(0.0, "a", "connect"),
    Sample(1.0, "a", "transfer", 0, 0),
    Sample(2.0, "a", "transfer", 5, 1000, 0.5, 0.1),
    Sample(4.0, "a", "transfer", 9, 5000, 0.7, 0.3),
    Sample(5.0, "b", "transfer", 1, 300),
]


def test_samples_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "meter.jsonl.gz"
    path.write_bytes(gzip.compress("".join(map(line, RUN)).encode()))
    assert read(path) == RUN


def test_of_a_torn_file_the_whole_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "meter.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write("".join(map(line, RUN)))
        file.flush()
        torn = path.read_bytes()
    path.write_bytes(torn)
    assert read(path) == RUN


def test_the_rate_is_of_the_time_since_the_sample_before() -> None:
    assert rates(RUN) == [(1.0, 0), (2.0, 1000), (4.0, 2000), (5.0, 300)]


def test_rates_are_smoothed_within_a_data_set() -> None:
    assert rates(RUN, over=3)[2:] == [(4.0, 5000 / 3), (5.0, 300)]


def test_a_phase_that_ends_early_makes_no_peak() -> None:
    steady = [Sample(second, "a", "transfer", 0, int(1000 * second)) for second in (1.0, 2.0, 3.0)]
    late = [Sample(3.1, "a", "transfer", 0, 3400), Sample(3.1, "a", "tidy", 0, 3400)]
    assert rates([*steady, *late], over=2)[-1] == (3.1, 2400 / 2.1)


def test_rates_of_nothing_are_none() -> None:
    assert rates([]) == rates(RUN[:1]) == []


def test_a_phase_ends_where_the_next_starts() -> None:
    assert phases(RUN) == [
        Phase("a", "connect", 0.0, 1.0),
        Phase("a", "transfer", 1.0, 5.0),
        Phase("b", "transfer", 5.0, 5.0),
    ]
    assert phases([]) == []


def test_the_mean_load_leaves_out_what_was_not_measured() -> None:
    assert mean_load(RUN, "source") == 0.6
    assert mean_load(RUN[:2], "target") is None


def test_the_load_is_the_busy_share_of_the_ticks() -> None:
    before = b"cpu  100 0 100 800 0 0 0 0 0 0\n"
    assert busy(before, b"cpu  150 0 125 825 0 0 0 0 0 0\n") == 0.75
    assert busy(before, before) is None
    assert busy(b"", before) is None


def test_connections_are_read_from_ss() -> None:
    text = (
        b"cpu  1 2 3 4 5 6 7 8 9 10\n"
        b"ESTAB 0 0 10.0.0.1:5 10.0.0.2:22 bbr wscale:7,7 rto:272 rtt:70.2/0.3 mss:1448 "
        b"retrans:0/12 minrtt:70.1\n"
        b"ESTAB 0 0 10.0.0.1:6 10.0.0.2:22 bbr rtt:71/0.3 mss:1448\n"
    )
    assert sockets(text) == (70.6, 12)
    assert sockets(b"cpu  1 2 3\n") is None
