"""The honest measurement: films read by weights that have not seen them, figures with intervals, one report."""
