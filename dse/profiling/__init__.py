"""Ranges and errors of every tensor of a network, as figures and as pictures."""
