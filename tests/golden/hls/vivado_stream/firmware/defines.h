// block: the fixed-point type of every tensor.
#ifndef BLOCK_DEFINES_H_
#define BLOCK_DEFINES_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"

#include "hlslib/beat.h"

typedef ap_fixed<8,4> x0_t;  // x0: 6 x 6 x 2
typedef dse::beat<x0_t, 2> x0_beat_t;
typedef ap_fixed<19,12> conv0_t;  // conv0: 6 x 6 x 3
typedef dse::beat<conv0_t, 3> conv0_beat_t;
typedef ap_ufixed<7,3,AP_RND,AP_SAT> relu1_t;  // relu1: 6 x 6 x 3
typedef dse::beat<relu1_t, 3> relu1_beat_t;
typedef ap_fixed<18,11> conv2_t;  // conv2: 6 x 6 x 3
typedef dse::beat<conv2_t, 3> conv2_beat_t;
typedef ap_ufixed<7,3,AP_RND,AP_SAT> relu3_t;  // relu3: 6 x 6 x 3
typedef dse::beat<relu3_t, 3> relu3_beat_t;
typedef ap_fixed<18,11> conv4_t;  // conv4: 6 x 6 x 3
typedef dse::beat<conv4_t, 3> conv4_beat_t;
typedef ap_fixed<19,12> add5_t;  // add5: 6 x 6 x 3
typedef dse::beat<add5_t, 3> add5_beat_t;
typedef ap_ufixed<7,3,AP_RND,AP_SAT> relu6_t;  // relu6: 6 x 6 x 3
typedef dse::beat<relu6_t, 3> relu6_beat_t;
typedef ap_ufixed<7,3,AP_RND,AP_SAT> pool7_t;  // pool7: 3 x 3 x 3
typedef dse::beat<pool7_t, 3> pool7_beat_t;
typedef ap_ufixed<7,3,AP_RND,AP_SAT> flat8_t;  // flat8: 27
typedef dse::beat<flat8_t, 27> flat8_beat_t;
typedef ap_fixed<18,11> fc9_t;  // fc9: 3
typedef dse::beat<fc9_t, 3> fc9_beat_t;

#endif
