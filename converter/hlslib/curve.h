// Curve: a smooth elementwise function by straight pieces out of a read-only memory, and a line
// on either side of them.
#ifndef DSE_CURVE_H_
#define DSE_CURVE_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void curve(const input_t x[CONFIG::size], output_t y[CONFIG::size],
           const typename CONFIG::value_t values[CONFIG::n_pieces],
           const typename CONFIG::slope_t slopes[CONFIG::n_pieces]) {
#pragma HLS FUNCTION_INSTANTIATE variable=values,slopes
#pragma HLS PIPELINE
#pragma DSE ROM values
#pragma DSE ROM slopes
    typedef typename CONFIG::position_t position_t;
    typedef typename CONFIG::piece_t piece_t;
    typedef typename code_of<piece_t>::type piece_code_t;
    typedef typename CONFIG::below_t below_t;
    typedef typename CONFIG::above_t above_t;
    const position_t first = CONFIG::first();
    const position_t last = CONFIG::last();
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const typename code_of<input_t>::type code = to_code(x[i]);
        const position_t wide = code;
        const position_t position = wide >> CONFIG::shift;
        if (position < first) {
            const typename code_of<below_t>::type line =
                CONFIG::below_slope() * code + CONFIG::below_offset();
            y[i] = convert<output_t>(from_code<below_t>(line));
        } else if (position > last) {
            const typename code_of<above_t>::type line =
                CONFIG::above_slope() * code + CONFIG::above_offset();
            y[i] = convert<output_t>(from_code<above_t>(line));
        } else {
            const position_t nearest = position - first;
            const typename CONFIG::index_t index = nearest;
            const typename CONFIG::distance_t distance = wide >> CONFIG::drop;
            piece_code_t sum = values[index.to_int()];
            sum = (sum << CONFIG::lift) + slopes[index.to_int()] * distance;
            y[i] = convert<output_t>(from_code<piece_t>(sum));
        }
    }
}

}  // namespace dse

#endif
