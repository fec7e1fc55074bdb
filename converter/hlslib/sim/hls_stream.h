// hls::stream as an unbounded queue, for simulation: stages run one after the other, each for
// a whole frame. A stage that reads more than there is, or leaves something, ends the program.
//
// DSE_SIM_TRACE, if defined, is the header of a tracer or of bounded streams, which a test brings.
#ifndef DSE_SIM_HLS_STREAM_H_
#define DSE_SIM_HLS_STREAM_H_

#ifdef DSE_SIM_TRACE
#include DSE_SIM_TRACE
#else

#include <stdio.h>
#include <stdlib.h>

namespace hls {

template <class T>
class stream {
  public:
    stream() : name("stream"), beats(0), capacity(0), first(0), last(0) {}
    explicit stream(const char* what) : name(what), beats(0), capacity(0), first(0), last(0) {}
    ~stream() {
        if (first != last) fail("beats are left over");
        delete[] beats;
    }

    bool empty() const { return first == last; }

    T read() {
        if (first == last) fail("a read of an empty stream");
        return beats[first++];
    }
    void read(T& beat) { beat = read(); }

    void write(const T& beat) {
        if (last == capacity) grow();
        beats[last++] = beat;
    }

  private:
    const char* name;
    T* beats;
    size_t capacity, first, last;

    stream(const stream&);
    stream& operator=(const stream&);

    void fail(const char* what) const {
        fprintf(stderr, "%s: %s\n", name, what);
        _Exit(4);
    }

    // Room at the end: what was read is dropped, or the room is doubled.
    void grow() {
        const size_t kept = last - first;
        const size_t wanted = 2 * kept < capacity ? capacity : 2 * capacity + 64;
        T* room = new T[wanted];
        for (size_t i = 0; i < kept; i++) room[i] = beats[first + i];
        delete[] beats;
        beats = room;
        capacity = wanted;
        first = 0;
        last = kept;
    }
};

}  // namespace hls

#endif
#endif
