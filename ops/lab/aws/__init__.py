"""AWS on this machine: moto behind a door that keeps client tokens, faults and machines."""
