// Reduce over a whole frame, channel by channel, as it comes: nothing of it is kept.
#ifndef DSE_REDUCE_STREAM_H_
#define DSE_REDUCE_STREAM_H_

#include "codes.h"
#include "stream.h"

namespace dse {

template <class CONFIG, class input_t, int N, class output_t>
void largest_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, N> >& y) {
    typename code_of<input_t>::type codes[N];
#pragma HLS ARRAY_PARTITION variable=codes complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        const beat<input_t, N> in = x.read();
        beat<output_t, N> out;
#pragma DSE PACK_BEAT out
    Channels:
        for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
            const typename code_of<input_t>::type code = to_code(in.lane[k]);
            if (i == 0 || code > codes[k]) codes[k] = code;
            out.lane[k] = from_code<output_t>(codes[k]);
        }
        if (i == CONFIG::beats - 1) y.write(out);
    }
}

template <class CONFIG, class input_t, int N, class output_t>
void sum_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, N> >& y) {
    typename code_of<output_t>::type sums[N];
#pragma HLS ARRAY_PARTITION variable=sums complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        const beat<input_t, N> in = x.read();
        beat<output_t, N> out;
#pragma DSE PACK_BEAT out
    Channels:
        for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
            if (i == 0) sums[k] = 0;
            sums[k] += to_code(in.lane[k]);
            out.lane[k] = from_code<output_t>(sums[k]);
        }
        if (i == CONFIG::beats - 1) y.write(out);
    }
}

}  // namespace dse

#endif
