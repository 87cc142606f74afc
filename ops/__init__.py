"""Plan, meter, move, verify and prove the way of a fleet from campus to EC2."""

__version__ = "0.1.0"
