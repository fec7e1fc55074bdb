// What the driver needs of a design that Verilator compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "Vtop.h"

using Words = std::vector<uint32_t>;

inline void set_clock(Vtop& top, bool value) { top.clk = value; }
inline void set_reset(Vtop& top, bool value) { top.rst = value; }
template <typename T> void set_valid(T& top, bool value) { top.in_valid = value; }
inline void settle(Vtop& top) { top.eval(); }
inline bool is_set(CData port) { return port; }
inline void set_bit(CData& port, bool value) { port = value; }

// A port's value as 32-bit words, least first; none holds bits above the port's width.
template <typename T>
void put(T& port, const uint32_t* words) {
    uint64_t value = words[0];
    if (sizeof(T) > 4) value |= uint64_t(words[1]) << 32;
    port = T(value);
}

template <std::size_t N>
void put(VlWide<N>& port, const uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) port[i] = words[i];
}

// Appends (bits + 31) / 32 words.
template <typename T>
void get(const T& port, Words& out) {
    out.push_back(uint32_t(port));
    if (sizeof(T) > 4) out.push_back(uint32_t(uint64_t(port) >> 32));
}

template <std::size_t N>
void get(const VlWide<N>& port, Words& out) {
    for (std::size_t i = 0; i < N; ++i) out.push_back(port[i]);
}
