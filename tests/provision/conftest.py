"""The fleet of tests/support, for the tests of ops/provision."""

from tests.support.fleet import fleet

__all__ = ["fleet"]
