// Table: an elementwise function by look-up in a read-only memory.
#ifndef DSE_TABLE_H_
#define DSE_TABLE_H_

#include "codes.h"

namespace dse {

template <class CONFIG, class input_t, class output_t>
void table(const input_t x[CONFIG::size], output_t y[CONFIG::size],
           const typename code_of<output_t>::type entries[CONFIG::n_entries]) {
#pragma HLS FUNCTION_INSTANTIATE variable=entries
#pragma HLS PIPELINE
#pragma DSE ROM entries
    typedef typename CONFIG::position_t position_t;
    const position_t first = 0;
    const position_t last = CONFIG::n_entries - 1;
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        position_t position = to_code(x[i]);
        position = (position >> CONFIG::shift) + CONFIG::offset();
        if (position < first) position = first;
        if (position > last) position = last;
        const typename CONFIG::index_t index = position;
        y[i] = from_code<output_t>(entries[index.to_int()]);
    }
}

}  // namespace dse

#endif
