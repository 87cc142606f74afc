"""How a data set moves: one door, several streams, then rsync; metered each second."""
