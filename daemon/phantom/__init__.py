"""Synthetic chest films: an analytic thorax, projected, with a planted opacity. The demo's default patient."""

from daemon.phantom.film import Opacity, Phantom, thorax
from daemon.phantom.instance import instance, phantom_dicom

__all__ = ["Opacity", "Phantom", "instance", "phantom_dicom", "thorax"]
