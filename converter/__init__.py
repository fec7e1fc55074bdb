"""The converter: a trained model in, bit-exact fixed-point arithmetic, HLS C++ and Verilog out."""
