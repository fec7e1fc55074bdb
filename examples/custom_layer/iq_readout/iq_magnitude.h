// The magnitude of one pair without a square root: 8 max(|i|, |q|) + 3 min(|i|, |q|).
#ifndef IQ_READOUT_IQ_MAGNITUDE_H_
#define IQ_READOUT_IQ_MAGNITUDE_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t>
typename CONFIG::size_t size_of(const input_t& x) {
#pragma HLS INLINE
    const ap_int<code_of<input_t>::width + 1> code = to_code(x);
    const ap_int<code_of<input_t>::width + 1> zero = 0;
    const ap_int<code_of<input_t>::width + 1> negated = zero - code;
    const typename CONFIG::size_t size = code < zero ? negated : code;
    return size;
}

template <class CONFIG, class input_t, class output_t>
void iq_magnitude(const input_t x[2], output_t y[1]) {
#pragma HLS PIPELINE
    const typename CONFIG::size_t i = size_of<CONFIG>(x[0]);
    const typename CONFIG::size_t q = size_of<CONFIG>(x[1]);
    const typename CONFIG::sum_t larger = i < q ? q : i;
    const typename CONFIG::sum_t smaller = i < q ? i : q;
    const typename CONFIG::sum_t sum = (larger << 3) + smaller + (smaller << 1);
    y[0] = from_code<output_t>(sum);
}

}  // namespace dse

#endif
