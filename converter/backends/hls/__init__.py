"""What the HLS backends share: firmware, test bench and Tcl; dialects tell the tools apart."""
