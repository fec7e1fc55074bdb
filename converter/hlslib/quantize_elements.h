// QuantizeElements: a conversion in which each element has a type of its own. The constants
// are known when a loop is unrolled: shifts become wires, and no bits become a constant.
#ifndef DSE_QUANTIZE_ELEMENTS_H_
#define DSE_QUANTIZE_ELEMENTS_H_

#include "codes.h"

namespace dse {

// The code of x, aligned to the finest fraction, less its ``drop`` low bits: 0 floor, and to
// nearest with ties 1 up, 2 to even, 4 toward zero, 5 down, 6 away from zero; 3 toward zero.
template <class CONFIG, class input_t>
ap_int<CONFIG::wide> drop_bits(const input_t& x, int drop) {
#pragma HLS INLINE
    typedef ap_int<CONFIG::wide> wide_t;
    const wide_t zero = 0, one = 1;
    const wide_t code = wide_t(to_code(x)) << CONFIG::align;
    if (drop == 0 || CONFIG::rounding == 0) return code >> drop;
    const wide_t half = one << (drop - 1);
    const wide_t below = half - one;
    wide_t added = half;
    if (CONFIG::rounding == 2) {
        const wide_t floor = code >> drop;
        const wide_t odd = floor - ((floor >> 1) << 1);
        added = below + odd;
    }
    if (CONFIG::rounding == 3) added = code < zero ? wide_t(half + below) : zero;
    if (CONFIG::rounding == 4) added = code < zero ? half : below;
    if (CONFIG::rounding == 5) added = below;
    if (CONFIG::rounding == 6) added = code < zero ? below : half;
    const wide_t sum = code + added;
    return sum >> drop;
}

// Bits above the kept ones are lost.
template <class CONFIG, class input_t, class output_t>
void wrap_elements(const input_t x[CONFIG::size], output_t y[CONFIG::size],
                   const typename CONFIG::drops_t drops[CONFIG::size],
                   const typename CONFIG::lefts_t lefts[CONFIG::size],
                   const typename CONFIG::widths_t widths[CONFIG::size],
                   const typename CONFIG::signs_t signs[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=drops,lefts,widths,signs
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=drops complete
#pragma HLS ARRAY_PARTITION variable=lefts complete
#pragma HLS ARRAY_PARTITION variable=widths complete
#pragma HLS ARRAY_PARTITION variable=signs complete
    typedef ap_int<CONFIG::wide> wide_t;
    typedef ap_uint<CONFIG::wide> bits_t;
    typedef typename code_of<output_t>::type code_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t whole = drop_bits<CONFIG>(x[i], drops[i].to_int());
        const int width = widths[i].to_int();
        const int lost = CONFIG::wide - width;
        wide_t kept = 0;
        if (width > 0 && signs[i].to_int() != 0) {
            kept = wide_t(whole << lost) >> lost;
        } else if (width > 0) {
            kept = bits_t(bits_t(whole) << lost) >> lost;
        }
        const code_t code = kept << lefts[i].to_int();
        y[i] = from_code<output_t>(code);
    }
}

// What is out of range becomes the nearest end.
template <class CONFIG, class input_t, class output_t>
void saturate_elements(const input_t x[CONFIG::size], output_t y[CONFIG::size],
                       const typename CONFIG::drops_t drops[CONFIG::size],
                       const typename CONFIG::lefts_t lefts[CONFIG::size],
                       const typename CONFIG::lows_t lows[CONFIG::size],
                       const typename CONFIG::highs_t highs[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=drops,lefts,lows,highs
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=drops complete
#pragma HLS ARRAY_PARTITION variable=lefts complete
#pragma HLS ARRAY_PARTITION variable=lows complete
#pragma HLS ARRAY_PARTITION variable=highs complete
    typedef ap_int<CONFIG::wide> wide_t;
    typedef typename code_of<output_t>::type code_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const wide_t low = lows[i], high = highs[i];
        const wide_t whole = drop_bits<CONFIG>(x[i], drops[i].to_int()) << lefts[i].to_int();
        const code_t code = whole < low ? low : whole > high ? high : whole;
        y[i] = from_code<output_t>(code);
    }
}

}  // namespace dse

#endif
