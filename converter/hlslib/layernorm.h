// LayerNorm: elements less their mean, over their standard deviation. Sums and squares are
// exact; ROOT is 1 / sqrt of the variance, brought to [1, 4) by an even number of shifts.
#ifndef DSE_LAYERNORM_H_
#define DSE_LAYERNORM_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class ROOT, class input_t, class output_t>
void layernorm(const input_t x[CONFIG::size], output_t y[CONFIG::size],
               const typename CONFIG::scale_t scales[CONFIG::size],
               const typename CONFIG::offset_t offsets[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=scales,offsets
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=scales complete
#pragma HLS ARRAY_PARTITION variable=offsets complete
    typedef typename CONFIG::centred_t centred_t;
    typedef typename CONFIG::variance_t variance_t;
    typedef typename CONFIG::accum_t accum_t;
    centred_t centred[CONFIG::size];
#pragma HLS ARRAY_PARTITION variable=centred complete

    typename CONFIG::sum_t sum = 0;
Sum:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        sum += to_code(x[i]);
    }

    variance_t squares = 0;
Squares:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        centred[i] = CONFIG::count() * to_code(x[i]) - sum;
        squares += centred[i] * centred[i];
    }
    const variance_t variance = (squares << CONFIG::extra) + CONFIG::epsilon();

    // The variance is 4**half times a number in [1, 4).
    int half = 0;
Half:
    for (int k = 1; k <= CONFIG::halves; k++) {
#pragma HLS UNROLL
        const variance_t zero = 0;
        if ((variance >> (2 * k)) > zero) half++;
    }
    typename CONFIG::aligned_t aligned = variance;
    aligned = (aligned << (2 * (CONFIG::halves - half))) >> CONFIG::down;
    aligned = aligned << CONFIG::up;
    typename CONFIG::mantissa_t mantissa[1];
    typename CONFIG::root_t root[1];
    mantissa[0] = from_code<typename CONFIG::mantissa_t>(aligned);
    ROOT::apply(mantissa, root, 0);

Results:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        typename CONFIG::product_t z = centred[i] * to_code(root[0]);
        z = (z << CONFIG::lift) >> half;
        const typename code_of<accum_t>::type scaled = z * scales[i] + offsets[i];
        y[i] = convert<output_t>(from_code<accum_t>(scaled));
    }
}

}  // namespace dse

#endif
