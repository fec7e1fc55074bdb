// MatMul over streams: a matrix of the right input is kept, then each row of the left one gives
// a row of the result.
#ifndef DSE_MATMUL_STREAM_H_
#define DSE_MATMUL_STREAM_H_

#include "hls_stream.h"

#include "beat.h"
#include "matmul.h"

namespace dse {

template <class CONFIG, class left_t, int INNER, class right_t, int COLUMNS, class output_t>
void matmul_stream(hls::stream<beat<left_t, INNER> >& x0,
                   hls::stream<beat<right_t, COLUMNS> >& x1,
                   hls::stream<beat<output_t, COLUMNS> >& y) {
    right_t right[INNER * COLUMNS];
#pragma HLS ARRAY_PARTITION variable=right complete
    int place = 0;
Steps:
    for (int i = 0; i < CONFIG::batch * (CONFIG::inner + CONFIG::rows); i++) {
#pragma HLS PIPELINE II=1
        if (place < CONFIG::inner) {
            const beat<right_t, COLUMNS> in = x1.read();
#pragma DSE PACK_BEAT in
        Columns:
            for (int k = 0; k < COLUMNS; k++) {
#pragma HLS UNROLL
                right[place * COLUMNS + k] = in.lane[k];
            }
        } else {
            const beat<left_t, INNER> in = x0.read();
            beat<output_t, COLUMNS> out;
#pragma DSE PACK_BEAT in
#pragma DSE PACK_BEAT out
            row_times_matrix<CONFIG>(in.lane, right, out.lane);
            y.write(out);
        }
        place = place + 1 == CONFIG::inner + CONFIG::rows ? 0 : place + 1;
    }
}

}  // namespace dse

#endif
