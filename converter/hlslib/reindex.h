// Reindex: each output element is an input element, or a constant. Wires only.
#ifndef DSE_REINDEX_H_
#define DSE_REINDEX_H_

#include "codes.h"

namespace dse {

// All elements in their order: another shape of the same tensor.
template <class CONFIG, class input_t, class output_t>
void same_order(const input_t x[CONFIG::input_size], output_t y[CONFIG::size]) {
#pragma HLS PIPELINE
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        y[i] = x[i];
    }
}

template <class CONFIG, class input_t, class output_t>
void reindex(const input_t x[CONFIG::input_size], output_t y[CONFIG::size],
             const typename CONFIG::index_t index[CONFIG::size]) {
#pragma HLS FUNCTION_INSTANTIATE variable=index
#pragma HLS PIPELINE
#pragma HLS ARRAY_PARTITION variable=index complete
Elements:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const int source = index[i].to_int();
        if (source < 0) {
            y[i] = from_code<output_t>(CONFIG::fill());
        } else {
            y[i] = x[source];
        }
    }
}

}  // namespace dse

#endif
