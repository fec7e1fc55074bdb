// hls::stream as a FIFO of bounded depth, and processes that run side by side, as in hardware:
// one that cannot read or write waits. Each has a stack of its own and hands on by itself
// (ucontext), so that a run is the same every time. Reads and writes of each process are logged.
#ifndef TEST_PROCESSES_H_
#define TEST_PROCESSES_H_

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <deque>
#include <string>
#include <vector>

namespace processes {

struct Process {
    void (*body)();
    ucontext_t context;
    std::vector<char> stack;
    std::string trace;
    bool done;
};

static std::vector<Process*> all;
static Process* current;
static ucontext_t scheduler;
static long moves;  // reads and writes so far

inline void start() {
    current->body();
    current->done = true;
    swapcontext(&current->context, &scheduler);
}

inline void add(void (*body)()) {
    Process* process = new Process();
    process->body = body;
    process->done = false;
    process->stack.resize(4 << 20);
    getcontext(&process->context);
    process->context.uc_stack.ss_sp = &process->stack[0];
    process->context.uc_stack.ss_size = process->stack.size();
    process->context.uc_link = &scheduler;
    makecontext(&process->context, start, 0);
    all.push_back(process);
}

inline void wait() { swapcontext(&current->context, &scheduler); }

inline void log(char what, int channel) {
    char text[16];
    snprintf(text, sizeof text, "%c%d ", what, channel);
    current->trace += text;
    moves++;
}

// Whether all came to their end; false where none can go on.
inline bool run() {
    for (;;) {
        const long before = moves;
        bool left = false;
        for (size_t i = 0; i < all.size(); i++) {
            if (all[i]->done) continue;
            current = all[i];
            swapcontext(&scheduler, &current->context);
            left = left || !current->done;
        }
        if (!left) return true;
        if (moves == before) return false;
    }
}

}  // namespace processes

namespace hls {

template <class T>
class stream {
  public:
    stream(int number, size_t most) : channel(number), depth(most) {}

    bool empty() const { return beats.empty(); }

    T read() {
        while (beats.empty()) processes::wait();
        processes::log('r', channel);
        const T beat = beats.front();
        beats.pop_front();
        return beat;
    }

    void write(const T& beat) {
        while (beats.size() >= depth) processes::wait();
        processes::log('w', channel);
        beats.push_back(beat);
    }

  private:
    int channel;
    size_t depth;
    std::deque<T> beats;
};

}  // namespace hls

#endif
