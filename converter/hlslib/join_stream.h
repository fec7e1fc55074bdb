// Join over streams: along the last axis beat by beat, along another one beats after beats.
#ifndef DSE_JOIN_STREAM_H_
#define DSE_JOIN_STREAM_H_

#include "hls_stream.h"

#include "beat.h"
#include "codes.h"

namespace dse {

// The codes of a beat in another type of the same codes.
template <class input_t, class output_t, int N>
void take_beat(const beat<input_t, N>& in, beat<output_t, N>& out) {
#pragma HLS INLINE
Lanes:
    for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
        out.lane[k] = from_code<output_t>(to_code(in.lane[k]));
    }
}

template <class CONFIG, class input0_t, int LEFT, class input1_t, int RIGHT, class output_t,
          int BOTH>
void join_lanes(hls::stream<beat<input0_t, LEFT> >& x0, hls::stream<beat<input1_t, RIGHT> >& x1,
                hls::stream<beat<output_t, BOTH> >& y) {
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        const beat<input0_t, LEFT> left = x0.read();
        const beat<input1_t, RIGHT> right = x1.read();
        beat<output_t, BOTH> out;
#pragma DSE PACK_BEAT left
#pragma DSE PACK_BEAT right
#pragma DSE PACK_BEAT out
    Left:
        for (int k = 0; k < LEFT; k++) {
#pragma HLS UNROLL
            out.lane[k] = from_code<output_t>(to_code(left.lane[k]));
        }
    Right:
        for (int k = 0; k < RIGHT; k++) {
#pragma HLS UNROLL
            out.lane[LEFT + k] = from_code<output_t>(to_code(right.lane[k]));
        }
        y.write(out);
    }
}

template <class CONFIG, class input0_t, class input1_t, class output_t, int N>
void join_beats(hls::stream<beat<input0_t, N> >& x0, hls::stream<beat<input1_t, N> >& x1,
                hls::stream<beat<output_t, N> >& y) {
    const int turn = CONFIG::left + CONFIG::right;
    int place = 0;
Beats:
    for (int i = 0; i < CONFIG::turns * turn; i++) {
#pragma HLS PIPELINE II=1
        beat<output_t, N> out;
#pragma DSE PACK_BEAT out
        if (place < CONFIG::left) {
            take_beat(x0.read(), out);
        } else {
            take_beat(x1.read(), out);
        }
        y.write(out);
        place = place + 1 == turn ? 0 : place + 1;
    }
}

}  // namespace dse

#endif
