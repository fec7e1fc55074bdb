// block: what each stage is built with. All constants are integer codes.
#ifndef BLOCK_PARAMETERS_H_
#define BLOCK_PARAMETERS_H_

#include "defines.h"

#include "hlslib/matvec.h"
#include "hlslib/merge.h"
#include "hlslib/reduce.h"
#include "hlslib/reindex_stream.h"
#include "hlslib/requantize.h"
#include "hlslib/sliding_stream.h"
#include "hlslib/stream.h"

#include "weights/conv0_body_weights.h"
#include "weights/conv0_body_biases.h"
#include "weights/conv2_body_weights.h"
#include "weights/conv2_body_biases.h"
#include "weights/conv4_body_weights.h"
#include "weights/conv4_body_biases.h"
#include "weights/fc9_body_weights.h"
#include "weights/fc9_body_biases.h"

// conv0
struct conv0_body {
    static const int groups = 1;
    static const int n_in = 18;
    static const int n_out = 3;
    static const int reuse_factor = 1;
    static const int shift = 0;
    static const int block_factor = 54;
    static const int multiplier_limit = 52;
    typedef ap_int<5> weight_t;
    typedef ap_int<7> bias_t;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::matvec_latency<conv0_body>(x, y, conv0_body_weights, conv0_body_biases);
    }
};
struct conv0_config {
    static const int rows = 6;
    static const int columns = 6;
    static const int channels = 2;
    static const int groups = 1;
    static const int kernel_rows = 3;
    static const int kernel_columns = 3;
    static const int stride_rows = 1;
    static const int stride_columns = 1;
    static const int dilation_rows = 1;
    static const int dilation_columns = 1;
    static const int padding_top = 1;
    static const int padding_left = 1;
    static const int elements = 18;
    static const int n_out = 3;
    static const int span_rows = 3;
    static const int span_columns = 3;
    static const int step_rows = 8;
    static const int step_columns = 8;
    static const int lines = 2;
    static const int line = 8;
    static const int beats = 36;
    static const int interval = 1;
    static ap_uint<1> fill() { return 0; }
};

// relu1
struct relu1_body {
    static const int size = 3;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::relu<relu1_body>(x, y);
    }
};
struct relu1_config {
    static const int beats = 36;
    static const int interval = 1;
};

// conv2
struct conv2_body {
    static const int groups = 1;
    static const int n_in = 27;
    static const int n_out = 3;
    static const int reuse_factor = 1;
    static const int shift = 0;
    static const int block_factor = 81;
    static const int multiplier_limit = 77;
    typedef ap_int<5> weight_t;
    typedef ap_uint<6> bias_t;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::matvec_latency<conv2_body>(x, y, conv2_body_weights, conv2_body_biases);
    }
};
struct conv2_config {
    static const int rows = 6;
    static const int columns = 6;
    static const int channels = 3;
    static const int groups = 1;
    static const int kernel_rows = 3;
    static const int kernel_columns = 3;
    static const int stride_rows = 1;
    static const int stride_columns = 1;
    static const int dilation_rows = 1;
    static const int dilation_columns = 1;
    static const int padding_top = 1;
    static const int padding_left = 1;
    static const int elements = 27;
    static const int n_out = 3;
    static const int span_rows = 3;
    static const int span_columns = 3;
    static const int step_rows = 8;
    static const int step_columns = 8;
    static const int lines = 2;
    static const int line = 8;
    static const int beats = 36;
    static const int interval = 1;
    static ap_uint<1> fill() { return 0; }
};

// relu3
struct relu3_body {
    static const int size = 3;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::relu<relu3_body>(x, y);
    }
};
struct relu3_config {
    static const int beats = 36;
    static const int interval = 1;
};

// conv4
struct conv4_body {
    static const int groups = 1;
    static const int n_in = 27;
    static const int n_out = 3;
    static const int reuse_factor = 1;
    static const int shift = 0;
    static const int block_factor = 81;
    static const int multiplier_limit = 79;
    typedef ap_int<5> weight_t;
    typedef ap_int<7> bias_t;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::matvec_latency<conv4_body>(x, y, conv4_body_weights, conv4_body_biases);
    }
};
struct conv4_config {
    static const int rows = 6;
    static const int columns = 6;
    static const int channels = 3;
    static const int groups = 1;
    static const int kernel_rows = 3;
    static const int kernel_columns = 3;
    static const int stride_rows = 1;
    static const int stride_columns = 1;
    static const int dilation_rows = 1;
    static const int dilation_columns = 1;
    static const int padding_top = 1;
    static const int padding_left = 1;
    static const int elements = 27;
    static const int n_out = 3;
    static const int span_rows = 3;
    static const int span_columns = 3;
    static const int step_rows = 8;
    static const int step_columns = 8;
    static const int lines = 2;
    static const int line = 8;
    static const int beats = 36;
    static const int interval = 1;
    static ap_uint<1> fill() { return 0; }
};

// add5
struct add5_body {
    static const int size = 3;
    static const int shift0 = 0;
    static const int shift1 = 3;
    typedef ap_int<19> wide_t;
    template <class input0_t, class input1_t, class output_t>
    static void apply(const input0_t x0[], const input1_t x1[], output_t y[], int) {
#pragma HLS INLINE
        dse::merge_add<add5_body>(x0, x1, y);
    }
};
struct add5_config {
    static const int beats = 36;
    static const int interval = 1;
};

// relu6
struct relu6_body {
    static const int size = 3;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::relu<relu6_body>(x, y);
    }
};
struct relu6_config {
    static const int beats = 36;
    static const int interval = 1;
};

// pool7
struct pool7_body {
    static const int groups = 3;
    static const int n = 4;
    static const int levels = 2;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::largest<pool7_body>(x, y);
    }
};
struct pool7_config {
    static const int rows = 6;
    static const int columns = 6;
    static const int channels = 3;
    static const int groups = 3;
    static const int kernel_rows = 2;
    static const int kernel_columns = 2;
    static const int stride_rows = 2;
    static const int stride_columns = 2;
    static const int dilation_rows = 1;
    static const int dilation_columns = 1;
    static const int padding_top = 0;
    static const int padding_left = 0;
    static const int elements = 12;
    static const int n_out = 3;
    static const int span_rows = 2;
    static const int span_columns = 2;
    static const int step_rows = 6;
    static const int step_columns = 6;
    static const int lines = 1;
    static const int line = 6;
    static const int beats = 9;
    static const int interval = 1;
    static ap_uint<1> fill() { return 0; }
};

// flat8
struct flat8_config {
    static const int beats = 9;
};

// fc9
struct fc9_body {
    static const int groups = 1;
    static const int n_in = 27;
    static const int n_out = 3;
    static const int reuse_factor = 9;
    static const int shift = 0;
    static const int block_factor = 9;
    static const int multiplier_limit = 9;
    typedef ap_int<5> weight_t;
    typedef ap_uint<5> bias_t;
    template <class input_t, class output_t>
    static void apply(const input_t x[], output_t y[], int) {
#pragma HLS INLINE
        dse::matvec_resource<fc9_body>(x, y, fc9_body_weights, fc9_body_biases);
    }
};
struct fc9_config {
    static const int beats = 1;
};

#endif
