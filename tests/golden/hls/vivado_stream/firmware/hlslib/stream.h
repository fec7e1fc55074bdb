// io_stream: each stage is a process of its own, and each edge a stream of beats.
#ifndef DSE_STREAM_H_
#define DSE_STREAM_H_

#include "beat.h"
#include "hls_stream.h"

namespace dse {

// An array as one beat.
template <class T, int N>
void write_beat(const T x[], hls::stream<beat<T, N> >& y) {
#pragma HLS INLINE
    beat<T, N> out;
#pragma HLS DATA_PACK variable=out
    pack(x, out);
    y.write(out);
}

// BODY at each beat, a new one every CONFIG::interval cycles.
template <class CONFIG, class BODY, class input_t, int N, class output_t, int M>
void map_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, M> >& y) {
    input_t in[N];
    output_t out[M];
#pragma HLS ARRAY_PARTITION variable=in complete
#pragma HLS ARRAY_PARTITION variable=out complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=CONFIG::interval
        unpack(x.read(), in);
        BODY::apply(in, out, i);
        write_beat(out, y);
    }
}

// The same for a body of two inputs.
template <class CONFIG, class BODY, class input0_t, int N0, class input1_t, int N1, class output_t,
          int M>
void map_stream(hls::stream<beat<input0_t, N0> >& x0, hls::stream<beat<input1_t, N1> >& x1,
                hls::stream<beat<output_t, M> >& y) {
    input0_t in0[N0];
    input1_t in1[N1];
    output_t out[M];
#pragma HLS ARRAY_PARTITION variable=in0 complete
#pragma HLS ARRAY_PARTITION variable=in1 complete
#pragma HLS ARRAY_PARTITION variable=out complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=CONFIG::interval
        unpack(x0.read(), in0);
        unpack(x1.read(), in1);
        BODY::apply(in0, in1, out, i);
        write_beat(out, y);
    }
}

// BODY at each beat, where BODY has a pipelined loop of its own: one beat after the other.
template <class CONFIG, class BODY, class input_t, int N, class output_t, int M>
void map_stream_in_steps(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, M> >& y) {
    input_t in[N];
    output_t out[M];
#pragma HLS ARRAY_PARTITION variable=in complete
#pragma HLS ARRAY_PARTITION variable=out complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
        unpack(x.read(), in);
        BODY::apply(in, out, i);
        write_beat(out, y);
    }
}

// The beats of a frame for two readers.
template <int BEATS, class T, int N>
void fork_stream(hls::stream<beat<T, N> >& x, hls::stream<beat<T, N> >& first,
                 hls::stream<beat<T, N> >& second) {
Beats:
    for (int i = 0; i < BEATS; i++) {
#pragma HLS PIPELINE II=1
        const beat<T, N> in = x.read();
        first.write(in);
        second.write(in);
    }
}

// The beats of a frame as they are, where a port is fed from a port.
template <int BEATS, class T, int N>
void copy_stream(hls::stream<beat<T, N> >& x, hls::stream<beat<T, N> >& y) {
Beats:
    for (int i = 0; i < BEATS; i++) {
#pragma HLS PIPELINE II=1
        const beat<T, N> in = x.read();
        y.write(in);
    }
}

// The beats of a frame that nobody reads.
template <int BEATS, class T, int N>
void drain_stream(hls::stream<beat<T, N> >& x) {
Beats:
    for (int i = 0; i < BEATS; i++) {
#pragma HLS PIPELINE II=1
        x.read();
    }
}

}  // namespace dse

#endif
