// PRelu: x from 0 on, slope * x below, with a slope of each element's own.
#ifndef DSE_PRELU_H_
#define DSE_PRELU_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void prelu(const input_t x[CONFIG::size], output_t y[CONFIG::size],
           const typename CONFIG::slope_t slopes[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=slopes
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=slopes complete
    typedef typename CONFIG::product_t product_t;
    typedef typename code_of<input_t>::type code_t;
    const code_t zero = 0;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const code_t code = to_code(x[i]);
        const typename code_of<product_t>::type product = slopes[i] * code;
        if (code < zero) {
            y[i] = convert<output_t>(from_code<product_t>(product));
        } else {
            y[i] = convert<output_t>(x[i]);
        }
    }
}

}  // namespace dse

#endif
