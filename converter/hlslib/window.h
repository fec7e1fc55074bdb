// A sliding window over a tensor of rows x columns x channels, the channels last: where the
// elements of a window stand. Elements of a window are ordered
// [groups][kernel_rows][kernel_columns][channels / groups].
#ifndef DSE_WINDOW_H_
#define DSE_WINDOW_H_

#include "codes.h"

namespace dse {

// Position of an element in its window.
template <class CONFIG>
int window_element(int kernel_row, int kernel_column, int channel) {
#pragma HLS INLINE
    const int per_group = CONFIG::channels / CONFIG::groups;
    const int before = channel / per_group * CONFIG::kernel_rows + kernel_row;
    return (before * CONFIG::kernel_columns + kernel_column) * per_group + channel % per_group;
}

// The window whose first element is at (row, column) of the whole tensor x; what is outside of
// it is CONFIG::fill.
template <class CONFIG, class T>
void window_at(const T x[CONFIG::rows * CONFIG::columns * CONFIG::channels], int row, int column,
               T window[CONFIG::elements]) {
#pragma HLS INLINE
    const typename code_of<T>::type fill = CONFIG::fill();
KernelRows:
    for (int i = 0; i < CONFIG::kernel_rows; i++) {
#pragma HLS UNROLL
    KernelColumns:
        for (int j = 0; j < CONFIG::kernel_columns; j++) {
#pragma HLS UNROLL
            const int r = row + i * CONFIG::dilation_rows;
            const int c = column + j * CONFIG::dilation_columns;
            const bool inside = r >= 0 && r < CONFIG::rows && c >= 0 && c < CONFIG::columns;
        Channels:
            for (int k = 0; k < CONFIG::channels; k++) {
#pragma HLS UNROLL
                window[window_element<CONFIG>(i, j, k)] =
                    inside ? x[(r * CONFIG::columns + c) * CONFIG::channels + k]
                           : from_code<T>(fill);
            }
        }
    }
}

}  // namespace dse

#endif
