// Reduce: the largest, or the exact sum, of each group of neighbouring elements.
#ifndef DSE_REDUCE_H_
#define DSE_REDUCE_H_

#include "codes.h"

namespace dse {

// Pair by pair: after CONFIG::levels rounds the first of a group is the largest.
template <class CONFIG, class input_t, class output_t>
void largest(const input_t x[CONFIG::groups * CONFIG::n], output_t y[CONFIG::groups]) {
#pragma HLS PIPELINE
    typedef typename code_of<input_t>::type code_t;
Groups:
    for (int g = 0; g < CONFIG::groups; g++) {
#pragma HLS UNROLL
        code_t codes[CONFIG::n];
#pragma HLS ARRAY_PARTITION variable=codes complete
    Elements:
        for (int i = 0; i < CONFIG::n; i++) {
#pragma HLS UNROLL
            codes[i] = to_code(x[g * CONFIG::n + i]);
        }
    Levels:
        for (int level = 0; level < CONFIG::levels; level++) {
#pragma HLS UNROLL
        Pairs:
            for (int i = 0; i < CONFIG::n; i++) {
#pragma HLS UNROLL
                const int other = i + (1 << level);
                if (i % (2 << level) == 0 && other < CONFIG::n) {
                    if (codes[other] > codes[i]) codes[i] = codes[other];
                }
            }
        }
        y[g] = from_code<output_t>(codes[0]);
    }
}

template <class CONFIG, class input_t, class output_t>
void sum(const input_t x[CONFIG::groups * CONFIG::n], output_t y[CONFIG::groups]) {
#pragma HLS PIPELINE
Groups:
    for (int g = 0; g < CONFIG::groups; g++) {
#pragma HLS UNROLL
        typename code_of<output_t>::type total = 0;
    Elements:
        for (int i = 0; i < CONFIG::n; i++) {
#pragma HLS UNROLL
            total += to_code(x[g * CONFIG::n + i]);
        }
        y[g] = from_code<output_t>(total);
    }
}

}  // namespace dse

#endif
