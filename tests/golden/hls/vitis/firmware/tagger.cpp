// tagger: the top function, one call per stage.
#include "tagger.h"

#include "parameters.h"

void tagger(
    x_t x[8],
    softmax_t softmax[4]) {
#pragma HLS ARRAY_RESHAPE variable=x complete dim=0
#pragma HLS ARRAY_PARTITION variable=softmax complete dim=0
#pragma HLS INTERFACE ap_vld port=x,softmax
#pragma HLS DATAFLOW

    // fc1: ap_fixed<80,64>[6]
    fc1_t fc1[6];
#pragma HLS ARRAY_PARTITION variable=fc1 complete dim=0
    dse::matvec_latency<fc1_config>(x, fc1, fc1_weights, fc1_biases);

    // relu1: ap_ufixed<12,5,AP_RND_CONV,AP_SAT>[6]
    relu1_t relu1[6];
#pragma HLS ARRAY_PARTITION variable=relu1 complete dim=0
    dse::rectify<relu1_config>(fc1, relu1);

    // fc2: ap_fixed<24,12>[4]
    fc2_t fc2[4];
#pragma HLS ARRAY_PARTITION variable=fc2 complete dim=0
    dse::matvec_resource_folded<fc2_config>(relu1, fc2, fc2_weights, fc2_biases);

    // logits: ap_fixed<14,6,AP_RND,AP_SAT_SYM>[4]
    logits_t logits[4];
#pragma HLS ARRAY_PARTITION variable=logits complete dim=0
    dse::requantize<logits_config>(fc2, logits);

    // softmax: ap_ufixed<16,1,AP_RND,AP_SAT>[4]
    dse::softmax<softmax_config>(logits, softmax, softmax_exps, softmax_inverses);
}
