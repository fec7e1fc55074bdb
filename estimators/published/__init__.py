"""Layers of published designs, as facts: what a generated project says of them, or Keras."""
