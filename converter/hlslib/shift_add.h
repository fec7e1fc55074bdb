// MatVec of shifts and additions alone: distributed arithmetic. CONFIG::code is the graph,
// made for its constants; a new input every cycle.
#ifndef DSE_SHIFT_ADD_H_
#define DSE_SHIFT_ADD_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void shift_add(const input_t x[CONFIG::n_in], output_t y[CONFIG::n_out]) {
#pragma HLS PIPELINE II=1
    typename code_of<input_t>::type codes[CONFIG::n_in];
    typename code_of<output_t>::type sums[CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=codes complete
#pragma HLS ARRAY_PARTITION variable=sums complete

Codes:
    for (int i = 0; i < CONFIG::n_in; i++) {
#pragma HLS UNROLL
        codes[i] = to_code(x[i]);
    }

    CONFIG::code::run(codes, sums);

Results:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

}  // namespace dse

#endif
