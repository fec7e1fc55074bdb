// Merge: two tensors, element by element, without loss. CONFIG::wide_t holds the aligned
// operands and the result.
#ifndef DSE_MERGE_H_
#define DSE_MERGE_H_

#include "codes.h"

namespace dse {

// Codes of a tensor in wide_t, brought to a finer step.
template <class CONFIG, int SHIFT, class T>
typename CONFIG::wide_t aligned(const T& x) {
#pragma HLS INLINE
    const typename CONFIG::wide_t code = to_code(x);
    return code << SHIFT;
}

template <class CONFIG, class input0_t, class input1_t, class output_t>
void merge_add(const input0_t x0[CONFIG::size], const input1_t x1[CONFIG::size],
               output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename CONFIG::wide_t wide_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t left = aligned<CONFIG, CONFIG::shift0>(x0[i]);
        const wide_t right = aligned<CONFIG, CONFIG::shift1>(x1[i]);
        y[i] = from_code<output_t>(left + right);
    }
}

template <class CONFIG, class input0_t, class input1_t, class output_t>
void merge_sub(const input0_t x0[CONFIG::size], const input1_t x1[CONFIG::size],
               output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename CONFIG::wide_t wide_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t left = aligned<CONFIG, CONFIG::shift0>(x0[i]);
        const wide_t right = aligned<CONFIG, CONFIG::shift1>(x1[i]);
        y[i] = from_code<output_t>(left - right);
    }
}

template <class CONFIG, class input0_t, class input1_t, class output_t>
void merge_mul(const input0_t x0[CONFIG::size], const input1_t x1[CONFIG::size],
               output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        y[i] = from_code<output_t>(to_code(x0[i]) * to_code(x1[i]));
    }
}

template <class CONFIG, class input0_t, class input1_t, class output_t>
void merge_max(const input0_t x0[CONFIG::size], const input1_t x1[CONFIG::size],
               output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename CONFIG::wide_t wide_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t left = aligned<CONFIG, CONFIG::shift0>(x0[i]);
        const wide_t right = aligned<CONFIG, CONFIG::shift1>(x1[i]);
        y[i] = from_code<output_t>(left > right ? left : right);
    }
}

template <class CONFIG, class input0_t, class input1_t, class output_t>
void merge_min(const input0_t x0[CONFIG::size], const input1_t x1[CONFIG::size],
               output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename CONFIG::wide_t wide_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t left = aligned<CONFIG, CONFIG::shift0>(x0[i]);
        const wide_t right = aligned<CONFIG, CONFIG::shift1>(x1[i]);
        y[i] = from_code<output_t>(left < right ? left : right);
    }
}

}  // namespace dse

#endif
