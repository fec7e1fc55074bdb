// Sliding: BODY at every position of a window over a whole tensor. CONFIG::parallel positions
// are computed at once; their number divides that of all positions.
#ifndef DSE_SLIDING_H_
#define DSE_SLIDING_H_

#include "window.h"

namespace dse {

// BODY at the position number `position`, whose window begins at (row, column).
template <class CONFIG, class BODY, class input_t, class output_t>
void slide_to(const input_t x[CONFIG::rows * CONFIG::columns * CONFIG::channels],
              output_t y[CONFIG::positions * CONFIG::n_out], int row, int column, int position) {
#pragma HLS INLINE
    input_t window[CONFIG::elements];
    output_t result[CONFIG::n_out];
#pragma HLS ARRAY_PARTITION variable=window complete
#pragma HLS ARRAY_PARTITION variable=result complete
    window_at<CONFIG>(x, row, column, window);
    BODY::apply(window, result, position);
Results:
    for (int j = 0; j < CONFIG::n_out; j++) {
#pragma HLS UNROLL
        y[position * CONFIG::n_out + j] = result[j];
    }
}

// The first element of the next window, row by row; after the last, of the first again.
template <class CONFIG>
void slide_on(int& row, int& column) {
#pragma HLS INLINE
    const int first_row = -CONFIG::padding_top;
    const int first_column = -CONFIG::padding_left;
    if (column < first_column + (CONFIG::out_columns - 1) * CONFIG::stride_columns) {
        column += CONFIG::stride_columns;
    } else {
        const bool last = row == first_row + (CONFIG::out_rows - 1) * CONFIG::stride_rows;
        column = first_column;
        row = last ? first_row : row + CONFIG::stride_rows;
    }
}

// Of bodies that are pipelines: new positions every CONFIG::interval cycles.
template <class CONFIG, class BODY, class input_t, class output_t>
void sliding(const input_t x[CONFIG::rows * CONFIG::columns * CONFIG::channels],
             output_t y[CONFIG::positions * CONFIG::n_out]) {
    int row = -CONFIG::padding_top;
    int column = -CONFIG::padding_left;
Steps:
    for (int step = 0; step < CONFIG::positions / CONFIG::parallel; step++) {
#pragma HLS PIPELINE II=CONFIG::interval
    Positions:
        for (int k = 0; k < CONFIG::parallel; k++) {
#pragma HLS UNROLL
            slide_to<CONFIG, BODY>(x, y, row, column, step * CONFIG::parallel + k);
            slide_on<CONFIG>(row, column);
        }
    }
}

// Of bodies with loops of their own, which are the pipelines.
template <class CONFIG, class BODY, class input_t, class output_t>
void sliding_shared(const input_t x[CONFIG::rows * CONFIG::columns * CONFIG::channels],
                    output_t y[CONFIG::positions * CONFIG::n_out]) {
    int row = -CONFIG::padding_top;
    int column = -CONFIG::padding_left;
Steps:
    for (int step = 0; step < CONFIG::positions / CONFIG::parallel; step++) {
    Positions:
        for (int k = 0; k < CONFIG::parallel; k++) {
#pragma HLS UNROLL
            slide_to<CONFIG, BODY>(x, y, row, column, step * CONFIG::parallel + k);
            slide_on<CONFIG>(row, column);
        }
    }
}

}  // namespace dse

#endif
