// Threshold: a staircase by comparisons, exact for inputs of any width. The thresholds
// rise; y is the level of the last one that x reaches.
#ifndef DSE_THRESHOLD_H_
#define DSE_THRESHOLD_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void threshold(const input_t x[CONFIG::size], output_t y[CONFIG::size],
               const typename CONFIG::threshold_t thresholds[CONFIG::n_thresholds],
               const typename code_of<output_t>::type levels[CONFIG::n_thresholds + 1]) {
#pragma HLS FUNCTION_INSTANTIATE variable=thresholds,levels
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=thresholds complete
#pragma HLS ARRAY_PARTITION variable=levels complete
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const typename code_of<input_t>::type code = to_code(x[i]);
        typename code_of<output_t>::type level = levels[0];
    Steps:
        for (int k = 0; k < CONFIG::n_thresholds; k++) {
#pragma HLS UNROLL
            if (code >= thresholds[k]) level = levels[k + 1];
        }
        y[i] = from_code<output_t>(level);
    }
}

}  // namespace dse

#endif
