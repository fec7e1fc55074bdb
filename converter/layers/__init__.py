"""Layers, one file per family: what is read, shapes, types, and the lowering to units."""
