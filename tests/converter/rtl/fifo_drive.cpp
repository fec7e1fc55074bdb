// Drives many FIFOs at once with random writes and reads, each against a model of its own.
//
// fifo_drive <cycles>: "ok", or the first difference and status 1.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "Vfifos.h"
#include "fifos.h"  // FIFOS, DEPTHS, WIDTHS, and the ports as arrays

namespace {

uint64_t next_random(uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

struct Model {
    unsigned depth, width, delay;
    uint64_t random;
    unsigned used = 0, writes = 50, reads = 50;  // percent
    std::deque<uint64_t> words;
    std::deque<uint64_t> due;  // cycles of the writes under way

    bool chance(unsigned percent) { return next_random(random) % 100 < percent; }
};

int differs(unsigned k, uint64_t cycle, const char* what) {
    std::printf("fifo %u in cycle %llu: %s\n", k, (unsigned long long)cycle, what);
    return 1;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    const uint64_t cycles = std::strtoull(arguments[1], nullptr, 10);
    Vfifos top;
    Ports ports(top);
    std::deque<Model> models;
    for (unsigned k = 0; k < FIFOS; ++k)
        models.push_back({DEPTHS[k], WIDTHS[k], k * 7 % 5, 88172645463325252ull + 977 * k, 0, 50, 50, {}, {}});
    top.rst = 1;
    for (int i = 0; i < 4; ++i) {
        top.clk = 0, top.eval();
        top.clk = 1, top.eval();
    }
    top.rst = 0;
    top.clk = 0, top.eval();
    top.clk = 1, top.eval();  // places are handed out from the second cycle on
    for (uint64_t cycle = 0; cycle < cycles; ++cycle) {
        top.clk = 0;
        for (unsigned k = 0; k < FIFOS; ++k) {
            Model& m = models[k];
            if (cycle % 97 == 0) {
                const unsigned duties[] = {0, 10, 50, 90, 100, 100};
                m.writes = duties[next_random(m.random) % 6];
                m.reads = duties[next_random(m.random) % 6];
            }
            const bool room = m.used < m.depth;
            if (*ports.w_room[k] != room) return differs(k, cycle, "w_room");
            if (*ports.r_valid[k] != !m.words.empty()) return differs(k, cycle, "r_valid");
            if (!m.words.empty() && *ports.r_data[k] != m.words.front())
                return differs(k, cycle, "r_data");
            const bool reserve = room && m.chance(m.writes);
            if (reserve) m.due.push_back(cycle + m.delay);
            const bool write = !m.due.empty() && m.due.front() == cycle;
            const bool read = m.chance(m.reads);  // also where there is nothing
            const uint64_t word = next_random(m.random) >> (64 - m.width);
            *ports.w_reserve[k] = reserve;
            *ports.w_valid[k] = write;
            *ports.w_data[k] = word;
            *ports.r_ready[k] = read;
            const bool taken = read && !m.words.empty();
            m.used += reserve;
            m.used -= taken;
            if (taken) m.words.pop_front();
            if (write) m.due.pop_front(), m.words.push_back(word);
        }
        top.eval();
        top.clk = 1, top.eval();
    }
    std::printf("ok\n");
    return 0;
}
