"""The magnitude of pairs of samples, as a layer for Keras and for nn-fpga-dse."""
