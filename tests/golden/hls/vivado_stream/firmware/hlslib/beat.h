// A beat: what travels at once on a stream, all elements of the last axis at one position of
// the others. And the constants that belong to one beat alone.
#ifndef DSE_BEAT_H_
#define DSE_BEAT_H_

namespace dse {

template <class T, int N>
struct beat {
    typedef T lane_t;
    static const int lanes = N;
    T lane[N];
};

// The lanes of a beat as an array, which a function takes, and back.
template <class T, int N>
void unpack(const beat<T, N>& from, T to[N]) {
#pragma HLS INLINE
Lanes:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        to[i] = from.lane[i];
    }
}

template <class T, int N>
void pack(const T from[N], beat<T, N>& to) {
#pragma HLS INLINE
Lanes:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        to.lane[i] = from[i];
    }
}

// The N constants of a beat, out of a memory with a word for each beat.
template <int N, class T>
void constants_of_beat(const T all[], T one[N], int beat) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable=all cyclic factor=N
Constants:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        one[i] = all[beat * N + i];
    }
}

}  // namespace dse

#endif
