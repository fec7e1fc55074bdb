// Sliding over a stream: one beat is one position of the tensor with all its channels. The
// frame is read row by row, and the loop itself puts in the padding. Delay lines keep as many
// rows as a window spans but for the last one, and registers keep the window.
#ifndef DSE_SLIDING_STREAM_H_
#define DSE_SLIDING_STREAM_H_

#include "stream.h"
#include "window.h"

namespace dse {

// The rows of a window but the last, a delay line each: what goes into one comes out of it
// CONFIG::line beats later, at the same column dilation_rows rows further down. column[0] is of
// the oldest row, and the last of the row that is read.
template <class CONFIG, class T>
void through_lines(T lines[][CONFIG::line][CONFIG::channels], int slot,
                   T column[][CONFIG::channels]) {
#pragma HLS INLINE
Lines:
    for (int i = CONFIG::kernel_rows - 2; i >= 0; i--) {
#pragma HLS UNROLL
    Channels:
        for (int k = 0; k < CONFIG::channels; k++) {
#pragma HLS UNROLL
            column[i][k] = lines[i][slot][k];
            lines[i][slot][k] = column[i + 1][k];
        }
    }
}

// A long line is a memory that is read and written at one place in each cycle, which comes again
// only many cycles later; a short one is in registers.
template <class CONFIG, bool LONG>
struct delay_lines {
    template <class T>
    static void advance(T lines[][CONFIG::line][CONFIG::channels], int slot,
                        T column[][CONFIG::channels]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=lines complete dim=1
#pragma HLS ARRAY_RESHAPE variable=lines complete dim=3
#pragma HLS DEPENDENCE variable=lines inter false
        through_lines<CONFIG>(lines, slot, column);
    }
};

template <class CONFIG>
struct delay_lines<CONFIG, false> {
    template <class T>
    static void advance(T lines[][CONFIG::line][CONFIG::channels], int slot,
                        T column[][CONFIG::channels]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=lines complete dim=0
        through_lines<CONFIG>(lines, slot, column);
    }
};

// The window's registers move one column to the left, and `column` comes in at the right.
template <class CONFIG, class T>
void shift_window(T seen[][CONFIG::span_columns][CONFIG::channels], T column[][CONFIG::channels]) {
#pragma HLS INLINE
KernelRows:
    for (int i = 0; i < CONFIG::kernel_rows; i++) {
#pragma HLS UNROLL
    Channels:
        for (int k = 0; k < CONFIG::channels; k++) {
#pragma HLS UNROLL
        Columns:
            for (int j = 0; j < CONFIG::span_columns - 1; j++) {
#pragma HLS UNROLL
                seen[i][j][k] = seen[i][j + 1][k];
            }
            seen[i][CONFIG::span_columns - 1][k] = column[i][k];
        }
    }
}

// BODY for the window that the registers hold.
template <class CONFIG, class BODY, class input_t, class output_t, int M>
void slide_over(input_t seen[][CONFIG::span_columns][CONFIG::channels], int position,
                hls::stream<beat<output_t, M> >& y) {
#pragma HLS INLINE
    input_t window[CONFIG::elements];
    output_t out[M];
#pragma HLS ARRAY_PARTITION variable=window complete
#pragma HLS ARRAY_PARTITION variable=out complete
KernelRows:
    for (int i = 0; i < CONFIG::kernel_rows; i++) {
#pragma HLS UNROLL
    KernelColumns:
        for (int j = 0; j < CONFIG::kernel_columns; j++) {
#pragma HLS UNROLL
        Channels:
            for (int k = 0; k < CONFIG::channels; k++) {
#pragma HLS UNROLL
                window[window_element<CONFIG>(i, j, k)] = seen[i][j * CONFIG::dilation_columns][k];
            }
        }
    }
    BODY::apply(window, out, position);
    write_beat(out, y);
}

// Of bodies that take a new window in each cycle. A step is one position of the padded tensor,
// up to the last that a window sees, or that is to be read.
template <class CONFIG, class BODY, class input_t, int N, class output_t, int M>
void sliding_stream(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, M> >& y) {
    input_t lines[CONFIG::lines][CONFIG::line][CONFIG::channels];
    input_t seen[CONFIG::kernel_rows][CONFIG::span_columns][CONFIG::channels];
    input_t column[CONFIG::kernel_rows][CONFIG::channels];
#pragma HLS ARRAY_PARTITION variable=seen complete dim=0
#pragma HLS ARRAY_PARTITION variable=column complete dim=0
    const typename code_of<input_t>::type fill = CONFIG::fill();
    int r = 0;
    int c = 0;
    int slot = 0;
    int rows_left = CONFIG::span_rows - 1;  // until the next row with windows that end in it
    int columns_left = CONFIG::span_columns - 1;
    int position = 0;
Steps:
    for (int step = 0; step < CONFIG::step_rows * CONFIG::step_columns; step++) {
#pragma HLS PIPELINE II=1
        const bool inside = r >= CONFIG::padding_top && r < CONFIG::padding_top + CONFIG::rows &&
                            c >= CONFIG::padding_left && c < CONFIG::padding_left + CONFIG::columns;
        beat<input_t, N> in;
        if (inside) in = x.read();
    Channels:
        for (int k = 0; k < CONFIG::channels; k++) {
#pragma HLS UNROLL
            column[CONFIG::kernel_rows - 1][k] = inside ? in.lane[k] : from_code<input_t>(fill);
        }
        delay_lines<CONFIG, (CONFIG::line > 8)>::advance(lines, slot, column);
        shift_window<CONFIG>(seen, column);
        if (rows_left == 0 && columns_left == 0) slide_over<CONFIG, BODY>(seen, position++, y);

        slot = slot == CONFIG::line - 1 ? 0 : slot + 1;
        columns_left = columns_left == 0 ? CONFIG::stride_columns - 1 : columns_left - 1;
        if (c < CONFIG::step_columns - 1) {
            c++;
        } else {
            c = 0;
            r++;
            columns_left = CONFIG::span_columns - 1;
            rows_left = rows_left == 0 ? CONFIG::stride_rows - 1 : rows_left - 1;
        }
    }
}

// The windows themselves, as a stream.
template <class CONFIG>
struct windows_of : public CONFIG {
    template <class T, class U>
    static void apply(const T x[], U y[], int) {
#pragma HLS INLINE
    Elements:
        for (int i = 0; i < CONFIG::elements; i++) {
#pragma HLS UNROLL
            y[i] = x[i];
        }
    }
};

// Of bodies that take a new window every CONFIG::interval cycles: two processes, so that beats
// are read while BODY is at work, and those between two windows cost nothing.
template <class CONFIG, class BODY, class input_t, int N, class output_t, int M>
void sliding_stream_paced(hls::stream<beat<input_t, N> >& x, hls::stream<beat<output_t, M> >& y) {
#pragma HLS DATAFLOW
    hls::stream<beat<input_t, CONFIG::elements> > windows("windows");
#pragma HLS STREAM variable=windows depth=2
#pragma HLS AGGREGATE variable=windows
    sliding_stream<CONFIG, windows_of<CONFIG> >(x, windows);
    map_stream<CONFIG, BODY>(windows, y);
}

// Of bodies with a pipelined loop of their own.
template <class CONFIG, class BODY, class input_t, int N, class output_t, int M>
void sliding_stream_in_steps(hls::stream<beat<input_t, N> >& x,
                             hls::stream<beat<output_t, M> >& y) {
#pragma HLS DATAFLOW
    hls::stream<beat<input_t, CONFIG::elements> > windows("windows");
#pragma HLS STREAM variable=windows depth=2
#pragma HLS AGGREGATE variable=windows
    sliding_stream<CONFIG, windows_of<CONFIG> >(x, windows);
    map_stream_in_steps<CONFIG, BODY>(windows, y);
}

}  // namespace dse

#endif
