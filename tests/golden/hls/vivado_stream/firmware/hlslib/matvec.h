// MatVec: y = x W + b with constant integer weights, accumulated without loss.
//
// output_t is the accumulator: CONFIG::shift aligns the products to it, and it wraps, which
// is exact since the result fits whatever the partial sums do.
#ifndef DSE_MATVEC_H_
#define DSE_MATVEC_H_

#include "codes.h"

namespace dse {

// Strategy latency: all products side by side; a new input every reuse_factor cycles.
// weights: [n_in][n_out].
template <class CONFIG, class input_t, class output_t>
void matvec_latency(const input_t x[CONFIG::n_in], output_t y[CONFIG::n_out],
                    const typename CONFIG::weight_t weights[CONFIG::n_in * CONFIG::n_out],
                    const typename CONFIG::bias_t biases[CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
#pragma HLS PIPELINE II=CONFIG::reuse_factor
    typedef typename code_of<output_t>::type accum_t;
    accum_t sums[CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ALLOCATION instances=mul limit=CONFIG::multiplier_limit operation

Biases:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        sums[j] = biases[j];
    }

Rows:
    for (int i = 0; i < CONFIG::n_in; i++) {
#pragma HLS UNROLL
        const typename code_of<input_t>::type code = to_code(x[i]);
    Columns:
        for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
            const accum_t product = weights[i * CONFIG::n_out + j] * code;
            sums[j] += product << CONFIG::shift;
        }
    }

Results:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

// Strategy resource with reuse_factor dividing n_in: in each of reuse_factor steps,
// block_factor multipliers work, each on reuse_factor neighbouring inputs of one output.
// weights: [n_out][n_in], so that a multiplier's weights are neighbours in its memory.
template <class CONFIG, class input_t, class output_t>
void matvec_resource(const input_t x[CONFIG::n_in], output_t y[CONFIG::n_out],
                     const typename CONFIG::weight_t weights[CONFIG::n_in * CONFIG::n_out],
                     const typename CONFIG::bias_t biases[CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int block_factor = CONFIG::block_factor;
    accum_t sums[CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma HLS RESOURCE variable=weights core=ROM_nP_BRAM

Biases:
    for (int j = 0; j < CONFIG::n_out; j++) {
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
            const accum_t product =
                weights[first + step] * to_code(x[first % CONFIG::n_in + step]);
            sums[first / CONFIG::n_in] += product << CONFIG::shift;
        }
    }

Results:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

// Strategy resource with n_in dividing reuse_factor: each of block_factor multipliers works
// on reuse_factor / n_in whole outputs, one after the other. weights: [n_out][n_in].
template <class CONFIG, class input_t, class output_t>
void matvec_resource_folded(const input_t x[CONFIG::n_in], output_t y[CONFIG::n_out],
                            const typename CONFIG::weight_t weights[CONFIG::n_in * CONFIG::n_out],
                            const typename CONFIG::bias_t biases[CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int block_factor = CONFIG::block_factor;
    const int outputs_per_block = CONFIG::reuse_factor / CONFIG::n_in;
    accum_t sums[CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma HLS RESOURCE variable=weights core=ROM_nP_BRAM

Biases:
    for (int j = 0; j < CONFIG::n_out; j++) {
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
            const accum_t product =
                weights[block * CONFIG::reuse_factor + step] * to_code(x[in]);
            sums[block * outputs_per_block + out] += product << CONFIG::shift;
        }
        if (in + 1 == CONFIG::n_in) {
            in = 0;
            out++;
        } else {
            in++;
        }
    }

Results:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

}  // namespace dse

#endif
