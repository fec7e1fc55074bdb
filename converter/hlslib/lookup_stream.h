// Lookup over streams: a beat of indices, then one beat for the row of each.
#ifndef DSE_LOOKUP_STREAM_H_
#define DSE_LOOKUP_STREAM_H_

#include "hls_stream.h"

#include "beat.h"
#include "lookup.h"

namespace dse {

template <class CONFIG, class input_t, int N, class output_t, int WIDTH>
void lookup_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, WIDTH> >& y,
                   const typename code_of<output_t>::type table[CONFIG::entries * CONFIG::width]) {
#pragma HLS FUNCTION_INSTANTIATE variable=table
#pragma HLS ARRAY_RESHAPE variable=table cyclic factor=CONFIG::width
#pragma DSE ROM table
    beat<input_t, N> in;
#pragma HLS ARRAY_PARTITION variable=in.lane complete
    int place = 0;
Rows:
    for (int i = 0; i < CONFIG::beats * N; i++) {
#pragma HLS PIPELINE II=1
        if (place == 0) in = x.read();
        const typename CONFIG::index_t index = row_of<CONFIG>(in.lane[place]);
        const int first = index.to_int() * CONFIG::width;
        beat<output_t, WIDTH> out;
#pragma DSE PACK_BEAT out
    Row:
        for (int k = 0; k < WIDTH; k++) {
#pragma HLS UNROLL
            out.lane[k] = from_code<output_t>(table[first + k]);
        }
        y.write(out);
        place = place + 1 == N ? 0 : place + 1;
    }
}

}  // namespace dse

#endif
