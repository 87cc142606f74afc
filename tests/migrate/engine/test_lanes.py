"""What each lane has done so far."""

from ops.migrate.engine.lanes import Lanes


def test_what_a_lane_is_at_counts_with_what_it_has_sent() -> None:
    lanes = Lanes()
    lanes.sent("1a", 1000, 3)
    lanes.sent("1a", 500, 0)
    assert lanes.at({"1a": 20, "1b": 7}) == {"1a": 1520, "1b": 7}
    assert lanes.files == {"1a": 3}


def test_a_lost_connection_is_a_retry_of_its_lane() -> None:
    lanes = Lanes()
    lanes.lost("2b")
    lanes.lost("2b")
    assert lanes.retries == {"2b": 2}
