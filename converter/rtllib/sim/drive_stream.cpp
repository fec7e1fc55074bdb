// Drives a network's Verilog with AXI4-Stream ports, made a C++ class, with frames from a file.
//
// drive_stream <inputs> <outputs> <patience> <frames:inputs:outputs:burst> ...
//
// Inputs: for each input port, all its beats, each as 32-bit words, least first. Each of the last
// arguments is a phase, which begins with the network empty: how many frames go in, the percentage
// of cycles in which an input offers a beat and in which an output takes one, and the most
// cycles for which each goes on so. A beat that is offered stays until it is taken; the data of one
// that is not offered are other bits. A phase ends when all its frames came out, or when nothing
// has moved for <patience> cycles.
// Outputs: for each beat that came out, in the order of time: index of the port, cycle, tlast,
// and the port's words; then -1, and for each phase the cycle in which its first beat went in.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "files.h"
#include "ports.h"

namespace {

struct Phase {
    unsigned long frames;
    unsigned inputs, outputs, burst;
};

// Whether a port moves in a cycle, of itself.
struct Gate {
    bool open = false;
    unsigned left = 0;

    bool now(uint32_t& random, unsigned percent, unsigned burst) {
        if (left == 0) {
            open = next_random(random) % 100 < percent;
            left = next_random(random) % burst + 1;
        }
        --left;
        return open;
    }
};

class Bench {
public:
    explicit Bench(const Words& inputs) {
        const uint32_t* first = inputs.data();
        std::size_t frames_words = 0;
        for (std::size_t i = 0; i < INPUTS; ++i) frames_words += IN_BEATS[i] * IN_WORDS[i];
        const std::size_t frames = inputs.size() / frames_words;
        for (std::size_t i = 0; i < INPUTS; ++i) {
            rows[i] = first;
            first += frames * IN_BEATS[i] * IN_WORDS[i];
        }
        set_clock(top, false);
        set_reset(top, true);
        each_input(top, [&](std::size_t, auto& valid, auto&, auto&, unsigned) { set_bit(valid, false); });
        each_output(top, [&](std::size_t, auto&, auto& ready, auto&, auto&) { set_bit(ready, false); });
        for (int i = 0; i < 4; ++i) tick();
        set_reset(top, false);
        for (int i = 0; i < 2; ++i) tick();
        cycle = 0;
    }

    // Whether all frames up to ``frames`` came out.
    bool run(const Phase& phase, unsigned long frames, uint32_t patience) {
        bool begun = false;
        for (uint32_t idle = 0; idle < patience && !done(frames); ++idle) {
            const bool moved = step(phase, frames);
            if (moved && !begun) starts.push_back(cycle - 1);
            begun = begun || moved;
            if (moved) idle = 0;
        }
        return done(frames);
    }

    // Whether anything went in or came out.
    bool step(const Phase& phase, unsigned long frames) {
        bool moved = false;
        set_clock(top, false);
        settle(top);
        each_input(top, [&](std::size_t i, auto& valid, auto& ready, auto& data, unsigned bits) {
            if (!offered[i]) {
                offered[i] = sent[i] < frames * IN_BEATS[i] && gates_in[i].now(random, phase.inputs, phase.burst);
                set_bit(valid, offered[i]);
                if (offered[i]) put(data, rows[i] + sent[i] * IN_WORDS[i]);
                else put_other(data, bits);
            }
            if (!offered[i] || !is_set(ready)) return;
            offered[i] = false;
            ++sent[i];
            moved = true;
        });
        each_output(top, [&](std::size_t i, auto& valid, auto& ready, auto& last, auto& data) {
            const bool open = gates_out[i].now(random, phase.outputs, phase.burst);
            set_bit(ready, open);
            if (!open || !is_set(valid)) return;
            seen.push_back(uint32_t(i));
            seen.push_back(cycle);
            seen.push_back(is_set(last));
            get(data, seen);
            ++came[i];
            moved = true;
        });
        tick();
        return moved;
    }

    Words seen, starts;

private:
    bool done(unsigned long frames) const {
        for (std::size_t i = 0; i < OUTPUTS; ++i)
            if (came[i] < frames * OUT_BEATS[i]) return false;
        return true;
    }

    void tick() {
        set_clock(top, false);
        settle(top);
        set_clock(top, true);
        settle(top);
        ++cycle;
    }

    template <typename T>
    void put_other(T& port, unsigned bits) {
        Words words((bits + 63) / 64 * 2);
        for (uint32_t& word : words) word = next_random(random);
        // a port holds no bits above its width
        if (bits % 32) words[bits / 32] &= (1u << bits % 32) - 1;
        for (std::size_t i = (bits + 31) / 32; i < words.size(); ++i) words[i] = 0;
        put(port, words.data());
    }

    Top top;
    uint32_t cycle = 0, random = 2463534242u;
    const uint32_t* rows[INPUTS];
    bool offered[INPUTS] = {};
    uint64_t sent[INPUTS] = {}, came[OUTPUTS] = {};
    Gate gates_in[INPUTS], gates_out[OUTPUTS];
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) return 2;
    const Words inputs = read_words(arguments[1]);
    const uint32_t patience = uint32_t(std::strtoul(arguments[3], nullptr, 10));
    Bench bench(inputs);
    unsigned long frames = 0;
    bool alive = true;
    for (int k = 4; k < count && alive; ++k) {
        Phase phase;
        if (std::sscanf(arguments[k], "%lu:%u:%u:%u", &phase.frames, &phase.inputs, &phase.outputs,
                        &phase.burst) != 4) return 2;
        frames += phase.frames;
        alive = bench.run(phase, frames, patience);
    }
    // what comes too much comes now
    for (uint32_t i = 0; alive && i < DRAIN_CYCLES; ++i) bench.step({0, 100, 100, 1}, frames);
    bench.seen.push_back(0xffffffffu);
    bench.seen.insert(bench.seen.end(), bench.starts.begin(), bench.starts.end());
    write_words(arguments[2], bench.seen);
    return 0;
}
