"""What spans the fleet: the state of all of it at a glance, and what moves it as a whole."""
