// Join: two tensors side by side along one axis. Wires only.
#ifndef DSE_JOIN_H_
#define DSE_JOIN_H_

#include "codes.h"

namespace dse {

// The inputs have output_t's codes, if not its rounding and overflow.
template <class CONFIG, class input0_t, class input1_t, class output_t>
void join(const input0_t x0[CONFIG::turns * CONFIG::left],
          const input1_t x1[CONFIG::turns * CONFIG::right],
          output_t y[CONFIG::turns * (CONFIG::left + CONFIG::right)]) {
#pragma HLS PIPELINE
Turns:
    for (int turn = 0; turn < CONFIG::turns; turn++) {
#pragma HLS UNROLL
        const int first = turn * (CONFIG::left + CONFIG::right);
    Left:
        for (int i = 0; i < CONFIG::left; i++) {
#pragma HLS UNROLL
            y[first + i] = from_code<output_t>(to_code(x0[turn * CONFIG::left + i]));
        }
    Right:
        for (int i = 0; i < CONFIG::right; i++) {
#pragma HLS UNROLL
            const int source = turn * CONFIG::right + i;
            y[first + CONFIG::left + i] = from_code<output_t>(to_code(x1[source]));
        }
    }
}

}  // namespace dse

#endif
