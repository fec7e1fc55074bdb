// tagger: the fixed-point type of every tensor.
#ifndef TAGGER_DEFINES_H_
#define TAGGER_DEFINES_H_

#include "ap_fixed.h"
#include "ap_int.h"

typedef ap_fixed<16,6> x_t;  // x: 8
typedef ap_fixed<80,64> fc1_t;  // fc1: 6
typedef ap_ufixed<12,5,AP_RND_CONV,AP_SAT> relu1_t;  // relu1: 6
typedef ap_fixed<24,12> fc2_t;  // fc2: 4
typedef ap_fixed<14,6,AP_RND,AP_SAT_SYM> logits_t;  // logits: 4
typedef ap_ufixed<16,1,AP_RND,AP_SAT> softmax_t;  // softmax: 4

#endif
