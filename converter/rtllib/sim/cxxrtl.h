// What the driver needs of a design that Yosys' cxxrtl wrote, in one translation unit with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "design.cpp"

using Words = std::vector<uint32_t>;

template <typename T> void set_clock(T& top, bool value) { top.p_clk.data[0] = value; }
template <typename T> void set_reset(T& top, bool value) { top.p_rst.data[0] = value; }
template <typename T> void set_valid(T& top, bool value) { top.p_in__valid.data[0] = value; }
template <typename T> void set_bit(T& port, bool value) { port.data[0] = value; }

// At a rising clock, registers change but the outputs that they drive do not yet: these follow
// when the clock falls, which is when the driver looks at them.
template <typename T> void settle(T& top) { top.step(); }

template <std::size_t N>
const cxxrtl::value<N>& now(const cxxrtl::value<N>& port) { return port; }

template <std::size_t N>
const cxxrtl::value<N>& now(const cxxrtl::wire<N>& port) { return port.curr; }

template <typename T> bool is_set(const T& port) { return now(port).data[0]; }

// A port's value as 32-bit words, least first; none holds bits above the port's width.
template <std::size_t N>
void put(cxxrtl::value<N>& port, const uint32_t* words) {
    static_assert(sizeof(port.data[0]) == 4, "words of cxxrtl have 32 bits");
    for (std::size_t i = 0; i < port.chunks; ++i) port.data[i] = words[i];
}

// Appends (bits + 31) / 32 words.
template <typename T>
void get(const T& port, Words& out) {
    for (uint32_t word : now(port).data) out.push_back(word);
}
