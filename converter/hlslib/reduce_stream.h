// Reduce over a whole frame, channel by channel, as it comes: nothing of it is kept.
#ifndef DSE_REDUCE_STREAM_H_
#define DSE_REDUCE_STREAM_H_

#include "codes.h"
#include "stream.h"

namespace dse {

struct larger {
    template <class kept_t, class code_t>
    static void take(kept_t& kept, const code_t& code, bool first) {
#pragma HLS INLINE
        if (first || code > kept) kept = code;
    }
};

struct added {
    template <class kept_t, class code_t>
    static void take(kept_t& kept, const code_t& code, bool first) {
#pragma HLS INLINE
        if (first) kept = 0;
        kept += code;
    }
};

// FOLD takes one code after the other into what is kept of each channel.
template <class CONFIG, class FOLD, class input_t, int N, class output_t>
void fold_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, N> >& y) {
#pragma HLS INLINE
    typename code_of<output_t>::type kept[N];
#pragma HLS ARRAY_PARTITION variable=kept complete
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        const beat<input_t, N> in = x.read();
        beat<output_t, N> out;
#pragma DSE PACK_BEAT out
    Channels:
        for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
            FOLD::take(kept[k], to_code(in.lane[k]), i == 0);
            out.lane[k] = from_code<output_t>(kept[k]);
        }
        if (i == CONFIG::beats - 1) y.write(out);
    }
}

template <class CONFIG, class input_t, int N, class output_t>
void largest_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, N> >& y) {
    fold_stream<CONFIG, larger>(x, y);
}

template <class CONFIG, class input_t, int N, class output_t>
void sum_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, N> >& y) {
    fold_stream<CONFIG, added>(x, y);
}

}  // namespace dse

#endif
