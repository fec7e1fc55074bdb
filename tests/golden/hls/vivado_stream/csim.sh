#!/bin/sh
# Runs the test bench with a plain C++ compiler; sim/ stands in for the vendor's ap_fixed.
set -e
cd "$(dirname "$0")"
${CXX:-g++} -std=c++11 -O1 -Wno-unknown-pragmas -Wno-unused-label -Isim -Ifirmware \
    -o block_test block_test.cpp firmware/block.cpp
./block_test
