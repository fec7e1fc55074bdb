// Lookup: each index becomes a row of a constant table. An index below 0 takes the first row,
// one beyond the table the last.
#ifndef DSE_LOOKUP_H_
#define DSE_LOOKUP_H_

#include "codes.h"

namespace dse {

// The row of the table that a number asks for: its whole part, clamped.
template <class CONFIG, class input_t>
typename CONFIG::index_t row_of(const input_t& x) {
#pragma HLS INLINE
    typedef typename CONFIG::position_t position_t;
    const position_t first = 0;
    const position_t last = CONFIG::entries - 1;
    position_t position = to_code(x);
    position = (position >> CONFIG::drop) << CONFIG::rise;
    if (position < first) position = first;
    if (position > last) position = last;
    const typename CONFIG::index_t index = position;
    return index;
}

template <class CONFIG, class input_t, class output_t>
void lookup(const input_t x[CONFIG::positions], output_t y[CONFIG::positions * CONFIG::width],
            const typename code_of<output_t>::type table[CONFIG::entries * CONFIG::width]) {
#pragma HLS FUNCTION_INSTANTIATE variable=table
#pragma HLS PIPELINE
#pragma HLS ARRAY_RESHAPE variable=table cyclic factor=CONFIG::width
#pragma DSE ROM table
Positions:
    for (int i = 0; i < CONFIG::positions; i++) {
#pragma HLS UNROLL
        const typename CONFIG::index_t index = row_of<CONFIG>(x[i]);
        const int first = index.to_int() * CONFIG::width;
    Row:
        for (int k = 0; k < CONFIG::width; k++) {
#pragma HLS UNROLL
            y[i * CONFIG::width + k] = from_code<output_t>(table[first + k]);
        }
    }
}

}  // namespace dse

#endif
