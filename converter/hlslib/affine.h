// Affine: y = x s + b per element, without loss.
#ifndef DSE_AFFINE_H_
#define DSE_AFFINE_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void affine(const input_t x[CONFIG::size], output_t y[CONFIG::size],
            const typename CONFIG::scale_t scales[CONFIG::size],
            const typename CONFIG::offset_t offsets[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=scales,offsets
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=scales complete
#pragma HLS ARRAY_PARTITION variable=offsets complete
    typedef typename code_of<output_t>::type accum_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const accum_t product = scales[i] * to_code(x[i]);
        const accum_t sum = (product << CONFIG::shift) + accum_t(offsets[i]);
        y[i] = from_code<output_t>(sum);
    }
}

}  // namespace dse

#endif
