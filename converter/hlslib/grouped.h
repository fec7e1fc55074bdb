// GroupedMatVec: y[g] = x[g] W[g] + b[g] with constant integer weights, all groups g side by
// side. n_in and n_out are sizes of one group; arithmetic and strategies are those of matvec.h.
#ifndef DSE_GROUPED_H_
#define DSE_GROUPED_H_

#include "codes.h"

namespace dse {

// Strategy latency: all products side by side; a new input every reuse_factor cycles.
// weights: [groups][n_in][n_out].
template <class CONFIG, class input_t, class output_t>
void grouped_latency(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
#pragma HLS PIPELINE II=CONFIG::reuse_factor
    typedef typename code_of<output_t>::type accum_t;
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma DSE MULTIPLIERS CONFIG::multiplier_limit

Groups:
    for (int g = 0; g < CONFIG::groups; g++) {
#pragma HLS UNROLL
    Columns:
        for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
            accum_t sum = biases[g * CONFIG::n_out + j];
        Rows:
            for (int i = 0; i < CONFIG::n_in; i++) {
#pragma HLS UNROLL
                const int row = g * CONFIG::n_in + i;
                const accum_t product = weights[row * CONFIG::n_out + j] * to_code(x[row]);
                sum += product << CONFIG::shift;
            }
            y[g * CONFIG::n_out + j] = from_code<output_t>(sum);
        }
    }
}

// Strategy resource with reuse_factor dividing n_in: in each of reuse_factor steps,
// block_factor multipliers of all groups work, each on reuse_factor neighbouring inputs of one
// output. weights: [groups][n_out][n_in].
template <class CONFIG, class input_t, class output_t>
void grouped_resource(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int block_factor = CONFIG::block_factor;
    accum_t sums[CONFIG::groups * CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma DSE ROM weights

Biases:
    for (int j = 0; j < CONFIG::groups * CONFIG::n_out; j++) {
#pragma HLS UNROLL
        sums[j] = biases[j];
    }

ReuseLoop:
    for (int step = 0; step < CONFIG::reuse_factor; step++) {
#pragma HLS PIPELINE II=1 rewind
    Multipliers:
        for (int block = 0; block < CONFIG::block_factor; block++) {
#pragma HLS UNROLL
            const int first = block * CONFIG::reuse_factor;
            const int out = first / CONFIG::n_in;
            const int from = out / CONFIG::n_out * CONFIG::n_in + first % CONFIG::n_in;
            const accum_t product = weights[first + step] * to_code(x[from + step]);
            sums[out] += product << CONFIG::shift;
        }
    }

Results:
    for (int j = 0; j < CONFIG::groups * CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

// Strategy resource with n_in dividing reuse_factor: each of block_factor multipliers works
// on reuse_factor / n_in whole outputs of one group, one after the other.
// weights: [groups][n_out][n_in].
template <class CONFIG, class input_t, class output_t>
void grouped_resource_folded(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int block_factor = CONFIG::block_factor;
    const int outputs_per_block = CONFIG::reuse_factor / CONFIG::n_in;
    accum_t sums[CONFIG::groups * CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma DSE ROM weights

Biases:
    for (int j = 0; j < CONFIG::groups * CONFIG::n_out; j++) {
#pragma HLS UNROLL
        sums[j] = biases[j];
    }

    int in = 0;
    int out = 0;
ReuseLoop:
    for (int step = 0; step < CONFIG::reuse_factor; step++) {
#pragma HLS PIPELINE II=1 rewind
    Multipliers:
        for (int block = 0; block < CONFIG::block_factor; block++) {
#pragma HLS UNROLL
            const int first = block * outputs_per_block;
            const int from = first / CONFIG::n_out * CONFIG::n_in;
            const accum_t product =
                weights[block * CONFIG::reuse_factor + step] * to_code(x[from + in]);
            sums[first + out] += product << CONFIG::shift;
        }
        if (in + 1 == CONFIG::n_in) {
            in = 0;
            out++;
        } else {
            in++;
        }
    }

Results:
    for (int j = 0; j < CONFIG::groups * CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

}  // namespace dse

#endif
