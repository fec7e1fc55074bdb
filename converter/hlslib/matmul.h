// MatMul: the product of two matrices that both are data, without loss. output_t holds every
// partial sum.
#ifndef DSE_MATMUL_H_
#define DSE_MATMUL_H_

#include "codes.h"

namespace dse {

// One row of a product: left[inner] times right[inner][columns].
template <class CONFIG, class left_t, class right_t, class output_t>
void row_times_matrix(const left_t left[CONFIG::inner],
                      const right_t right[CONFIG::inner * CONFIG::columns],
                      output_t y[CONFIG::columns]) {
#pragma HLS INLINE
    typedef typename code_of<output_t>::type sum_t;
Columns:
    for (int j = 0; j < CONFIG::columns; j++) {
#pragma HLS UNROLL
        sum_t sum = 0;
    Products:
        for (int k = 0; k < CONFIG::inner; k++) {
#pragma HLS UNROLL
            const sum_t product = to_code(left[k]) * to_code(right[k * CONFIG::columns + j]);
            sum += product;
        }
        y[j] = from_code<output_t>(sum);
    }
}

template <class CONFIG, class left_t, class right_t, class output_t>
void matmul(const left_t x0[CONFIG::batch * CONFIG::rows * CONFIG::inner],
            const right_t x1[CONFIG::batch * CONFIG::inner * CONFIG::columns],
            output_t y[CONFIG::batch * CONFIG::rows * CONFIG::columns]) {
#pragma HLS PIPELINE
Rows:
    for (int i = 0; i < CONFIG::batch * CONFIG::rows; i++) {
#pragma HLS UNROLL
        const int matrix = i / CONFIG::rows;
        row_times_matrix<CONFIG>(&x0[i * CONFIG::inner],
                                 &x1[matrix * CONFIG::inner * CONFIG::columns],
                                 &y[i * CONFIG::columns]);
    }
}

}  // namespace dse

#endif
