"""A reading room in a computer: what an order of reading does to the time until films are reported."""
