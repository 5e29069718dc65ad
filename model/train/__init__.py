"""Training of the detector from folders of labelled films."""
