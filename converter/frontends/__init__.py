"""Readers of model files, one per format; the only place that knows them."""
