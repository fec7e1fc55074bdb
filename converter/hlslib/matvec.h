// MatVec, GroupedMatVec: y[g] = x[g] W[g] + b[g] with constant integer weights, accumulated
// without loss, all groups g side by side; a MatVec is one group. n_in and n_out are sizes of
// one group.
//
// output_t is the accumulator: CONFIG::shift aligns the products to it, and it wraps, which
// is exact since the result fits whatever the partial sums do.
#ifndef DSE_MATVEC_H_
#define DSE_MATVEC_H_

#include "codes.h"

namespace dse {

// The sums begin with the biases.
template <int N, class bias_t, class accum_t>
void begin_sums(const bias_t biases[N], accum_t sums[N]) {
#pragma HLS INLINE
Biases:
    for (int j = 0; j < N; j++) {
#pragma HLS UNROLL
        sums[j] = biases[j];
    }
}

template <int N, class accum_t, class output_t>
void end_sums(const accum_t sums[N], output_t y[N]) {
#pragma HLS INLINE
Results:
    for (int j = 0; j < N; j++) {
#pragma HLS UNROLL
        y[j] = from_code<output_t>(sums[j]);
    }
}

// Strategy latency: all products side by side; a new input every reuse_factor cycles.
// weights: [groups][n_in][n_out].
template <class CONFIG, class input_t, class output_t>
void matvec_latency(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
#pragma HLS PIPELINE II=CONFIG::reuse_factor
    typedef typename code_of<output_t>::type accum_t;
    const int size = CONFIG::groups * CONFIG::n_out;
    accum_t sums[size];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma DSE MULTIPLIERS CONFIG::multiplier_limit

    begin_sums<size>(biases, sums);
Groups:
    for (int g = 0; g < CONFIG::groups; g++) {
#pragma HLS UNROLL
    Rows:
        for (int i = 0; i < CONFIG::n_in; i++) {
#pragma HLS UNROLL
            const int row = g * CONFIG::n_in + i;
            const typename code_of<input_t>::type code = to_code(x[row]);
        Columns:
            for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
                const accum_t product = weights[row * CONFIG::n_out + j] * code;
                sums[g * CONFIG::n_out + j] += product << CONFIG::shift;
            }
        }
    }
    end_sums<size>(sums, y);
}

// Strategy resource with reuse_factor dividing n_in: in each of reuse_factor steps,
// block_factor multipliers of all groups work, each on reuse_factor neighbouring inputs of one
// output. weights: [groups][n_out][n_in], so that a multiplier's weights are neighbours in its
// memory.
template <class CONFIG, class input_t, class output_t>
void matvec_resource(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int size = CONFIG::groups * CONFIG::n_out;
    const int block_factor = CONFIG::block_factor;
    accum_t sums[size];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma DSE ROM weights

    begin_sums<size>(biases, sums);
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
    end_sums<size>(sums, y);
}

// Strategy resource with n_in dividing reuse_factor: each of block_factor multipliers works
// on reuse_factor / n_in whole outputs of one group, one after the other.
// weights: [groups][n_out][n_in].
template <class CONFIG, class input_t, class output_t>
void matvec_resource_folded(
    const input_t x[CONFIG::groups * CONFIG::n_in], output_t y[CONFIG::groups * CONFIG::n_out],
    const typename CONFIG::weight_t weights[CONFIG::groups * CONFIG::n_in * CONFIG::n_out],
    const typename CONFIG::bias_t biases[CONFIG::groups * CONFIG::n_out]) {
#pragma HLS FUNCTION_INSTANTIATE variable=weights,biases
    typedef typename code_of<output_t>::type accum_t;
    const int size = CONFIG::groups * CONFIG::n_out;
    const int block_factor = CONFIG::block_factor;
    const int outputs_per_block = CONFIG::reuse_factor / CONFIG::n_in;
    accum_t sums[size];
#pragma HLS ARRAY_PARTITION variable=sums complete
#pragma HLS ARRAY_PARTITION variable=biases complete
#pragma HLS ARRAY_RESHAPE variable=weights block factor=block_factor
#pragma DSE ROM weights

    begin_sums<size>(biases, sums);
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
    end_sums<size>(sums, y);
}

}  // namespace dse

#endif
