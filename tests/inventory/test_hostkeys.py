"""known_hosts: one key a name."""

from __future__ import annotations

from ops.inventory.hostkeys import pinned, with_pin


def test_a_key_is_pinned_replaced_and_taken_away() -> None:
    text = with_pin("", "wiki.cloud.main", "ssh-ed25519 AAAA comment")
    text = with_pin(text, "lists.campus.main", "ssh-rsa BBBB")
    assert text == "lists.campus.main ssh-rsa BBBB\nwiki.cloud.main ssh-ed25519 AAAA\n"
    text = with_pin(text, "wiki.cloud.main", "ssh-ed25519 CCCC")
    assert pinned(text, "wiki.cloud.main") == "ssh-ed25519 CCCC"
    assert with_pin(text, "wiki.cloud.main", None) == "lists.campus.main ssh-rsa BBBB\n"


def test_a_name_that_only_begins_alike_is_another() -> None:
    assert pinned("wiki.cloud.main2 ssh-rsa AAAA\n", "wiki.cloud.main") is None
