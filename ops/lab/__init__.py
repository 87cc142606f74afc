"""AWS and real hosts on this machine: the embedded default."""
