from ops.cloud.tokens import token


def test_the_same_wish_gives_the_same_token() -> None:
    assert token("wiki", "main", 1, "instance") == token("wiki", "main", "1", "instance")


def test_every_part_of_the_wish_counts() -> None:
    wishes = [
        token("wiki", "main", 1, "instance"),
        token("wik", "imain", 1, "instance"),
        token("wiki", "main", 2, "instance"),
        token("wiki", "spare", 1, "instance"),
        token("wiki", "main", 1, "volume.data"),
    ]
    assert len(set(wishes)) == len(wishes)


def test_a_token_is_as_long_as_the_api_allows_and_plain_ascii() -> None:
    made = token("ä" * 300, "main", 1, "instance")
    assert len(made) == 64
    assert made.isascii()
