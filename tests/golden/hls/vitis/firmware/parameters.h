// tagger: what each stage is built with. All constants are integer codes.
#ifndef TAGGER_PARAMETERS_H_
#define TAGGER_PARAMETERS_H_

#include "defines.h"

#include "hlslib/copy.h"
#include "hlslib/matvec.h"
#include "hlslib/requantize.h"
#include "hlslib/softmax.h"

#include "weights/fc1_weights.h"
#include "weights/fc1_biases.h"
#include "weights/fc2_weights.h"
#include "weights/fc2_biases.h"
#include "weights/softmax_exps.h"
#include "weights/softmax_inverses.h"

// fc1
struct fc1_config {
    static const int groups = 1;
    static const int n_in = 8;
    static const int n_out = 6;
    static const int reuse_factor = 1;
    static const int shift = 0;
    static const int block_factor = 48;
    static const int multiplier_limit = 48;
    typedef ap_int<8> weight_t;
    typedef ap_int<8> bias_t;
};

// relu1
struct relu1_config {
    static const int size = 6;
    static const int has_ceiling = 1;
    typedef ap_fixed<82,62> below_t;
    static ap_int<3> threshold() { return 3; }
    static ap_int<3> slope() { return 2; }
    static ap_int<4> offset() { return 5; }
    static ap_int<18> ceiling() { return 90000; }
    static ap_uint<12> ceiling_out() { return 4000; }
};

// fc2
struct fc2_config {
    static const int groups = 1;
    static const int n_in = 6;
    static const int n_out = 4;
    static const int reuse_factor = 12;
    static const int shift = 0;
    static const int block_factor = 2;
    static const int multiplier_limit = 2;
    typedef ap_int<6> weight_t;
    typedef ap_int<8> bias_t;
};

// logits
struct logits_config {
    static const int size = 4;
};

// softmax
struct softmax_config {
    static const int size = 4;
    static const int n_exps = 256;
    static const int exp_shift = 4;
    static const int exp_fraction = 16;
    static const int n_inverses = 64;
    static const int exponents = 2;
    static const int in_logic = 0;
    static const int mantissa_shift = 12;
    typedef ap_uint<15> distance_t;
    typedef ap_uint<17> exp_t;
    typedef ap_uint<8> exp_index_t;
    typedef ap_uint<19> sum_t;
    typedef ap_uint<21> mantissa_t;
    typedef ap_uint<16> inverse_t;
    typedef ap_uint<6> inverse_index_t;
    typedef ap_uint<18> scaled_inverse_t;
    typedef ap_ufixed<35,1> product_t;
    static ap_uint<7> one() { return 64; }
    static ap_uint<4> round_up() { return 15; }
};

#endif
