// Drives a network's Verilog, made a C++ class, with rows of codes from a file.
//
// drive <inputs> <outputs> <interval> <rows at full rate>
//
// Inputs: for each row, each input port as 32-bit words, least first. The first rows go in one
// every <interval> cycles, the rest with random gaps; in between, the ports carry other bits.
// Outputs: for each valid output, in the order of time: index of the port, cycle since the
// first row, and the port's words; then -1, and for each row the cycle it went in.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "files.h"
#include "ports.h"

namespace {

class Bench {
public:
    Bench() {
        set_reset(top, true);
        set_valid(top, false);
        for (int i = 0; i < 4; ++i) step();
        set_reset(top, false);
        step();
        cycle = 0;
        seen.clear();
    }

    void drive(const uint32_t* row) {
        each_input(top, [&](auto& port, std::size_t first, unsigned) { put(port, row + first); });
        set_valid(top, true);
        starts.push_back(cycle);
        step();
        set_valid(top, false);
        each_input(top, [&](auto& port, std::size_t, unsigned bits) { put_other(port, bits); });
    }

    void step() {
        set_clock(top, false);
        settle(top);
        each_output(top, [&](uint32_t index, const auto& valid, const auto& port) {
            if (!is_set(valid)) return;
            seen.push_back(index);
            seen.push_back(cycle);
            get(port, seen);
        });
        set_clock(top, true);
        settle(top);
        ++cycle;
    }

    Top top;
    uint32_t cycle = 0, random = 2463534242u;
    Words seen, starts;

private:
    template <typename T>
    void put_other(T& port, unsigned bits) {
        Words words((bits + 63) / 64 * 2);
        for (uint32_t& word : words) word = next_random(random);
        // a port holds no bits above its width
        if (bits % 32) words[bits / 32] &= (1u << bits % 32) - 1;
        for (std::size_t i = (bits + 31) / 32; i < words.size(); ++i) words[i] = 0;
        put(port, words.data());
    }
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 5) return 2;
    const Words inputs = read_words(arguments[1]);
    const uint32_t interval = uint32_t(std::atoi(arguments[3]));
    const std::size_t full_rate = std::size_t(std::atol(arguments[4]));
    Bench bench;
    for (std::size_t row = 0; row * ROW_WORDS < inputs.size(); ++row) {
        bench.drive(&inputs[row * ROW_WORDS]);
        uint32_t gap = interval - 1;
        if (row + 1 >= full_rate) gap += next_random(bench.random) % (2 * interval + 1);
        for (uint32_t i = 0; i < gap; ++i) bench.step();
    }
    for (uint32_t i = 0; i < DRAIN_CYCLES; ++i) bench.step();
    bench.seen.push_back(0xffffffffu);
    bench.seen.insert(bench.seen.end(), bench.starts.begin(), bench.starts.end());
    write_words(arguments[2], bench.seen);
    return 0;
}
