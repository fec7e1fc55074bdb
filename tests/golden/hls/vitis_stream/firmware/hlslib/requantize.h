// Requantize: a conversion to another type, with a rectifier on the way. The rounding and
// the overflow are those of output_t.
#ifndef DSE_REQUANTIZE_H_
#define DSE_REQUANTIZE_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void requantize(const input_t x[CONFIG::size], output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        y[i] = convert<output_t>(x[i]);
    }
}

// max(x, 0)
template <class CONFIG, class input_t, class output_t>
void relu(const input_t x[CONFIG::size], output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename code_of<input_t>::type code_t;
    const code_t zero = 0;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const input_t above = to_code(x[i]) < zero ? from_code<input_t>(zero) : x[i];
        y[i] = convert<output_t>(above);
    }
}

// A rectifier with all of its arguments: ceiling_out from the ceiling on, x from the
// threshold on, slope * x - offset below.
template <class CONFIG, class input_t, class output_t>
void rectify(const input_t x[CONFIG::size], output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
    typedef typename CONFIG::below_t below_t;
    typedef typename code_of<below_t>::type below_code_t;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const typename code_of<input_t>::type code = to_code(x[i]);
        const below_code_t line = CONFIG::slope() * code - CONFIG::offset();
        const below_t below = from_code<below_t>(line);
        if (CONFIG::has_ceiling && code >= CONFIG::ceiling()) {
            y[i] = from_code<output_t>(CONFIG::ceiling_out());
        } else if (code >= CONFIG::threshold()) {
            y[i] = convert<output_t>(x[i]);
        } else {
            y[i] = convert<output_t>(below);
        }
    }
}

}  // namespace dse

#endif
