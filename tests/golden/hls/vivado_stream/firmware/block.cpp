// block: the top function, one process per stage, joined by streams.
#include "block.h"

#include "parameters.h"

void block(
    hls::stream<x0_beat_t>& x0,
    hls::stream<fc9_beat_t>& fc9,
    hls::stream<x0_beat_t>& x0_out) {
#pragma HLS INTERFACE axis port=x0,fc9,x0_out
#pragma HLS DATA_PACK variable=x0
#pragma HLS DATA_PACK variable=fc9
#pragma HLS DATA_PACK variable=x0_out
#pragma HLS DATAFLOW

    hls::stream<x0_beat_t> x0_copy0("x0_copy0");
#pragma HLS STREAM variable=x0_copy0 depth=2
#pragma HLS DATA_PACK variable=x0_copy0
    dse::fork_stream<36>(x0, x0_copy0, x0_out);

    // conv0: 36 x ap_fixed<19,12>[3]
    hls::stream<conv0_beat_t> conv0("conv0");
#pragma HLS STREAM variable=conv0 depth=2
#pragma HLS DATA_PACK variable=conv0
    dse::sliding_stream<conv0_config, conv0_body>(x0_copy0, conv0);

    // relu1: 36 x ap_ufixed<7,3,AP_RND,AP_SAT>[3]
    hls::stream<relu1_beat_t> relu1("relu1");
#pragma HLS STREAM variable=relu1 depth=2
#pragma HLS DATA_PACK variable=relu1
    dse::map_stream<relu1_config, relu1_body>(conv0, relu1);

    hls::stream<relu1_beat_t> relu1_copy0("relu1_copy0");
#pragma HLS STREAM variable=relu1_copy0 depth=2
#pragma HLS DATA_PACK variable=relu1_copy0
    hls::stream<relu1_beat_t> relu1_copy1("relu1_copy1");
#pragma HLS STREAM variable=relu1_copy1 depth=36
#pragma HLS DATA_PACK variable=relu1_copy1
    dse::fork_stream<36>(relu1, relu1_copy0, relu1_copy1);

    // conv2: 36 x ap_fixed<18,11>[3]
    hls::stream<conv2_beat_t> conv2("conv2");
#pragma HLS STREAM variable=conv2 depth=2
#pragma HLS DATA_PACK variable=conv2
    dse::sliding_stream<conv2_config, conv2_body>(relu1_copy0, conv2);

    // relu3: 36 x ap_ufixed<7,3,AP_RND,AP_SAT>[3]
    hls::stream<relu3_beat_t> relu3("relu3");
#pragma HLS STREAM variable=relu3 depth=2
#pragma HLS DATA_PACK variable=relu3
    dse::map_stream<relu3_config, relu3_body>(conv2, relu3);

    // conv4: 36 x ap_fixed<18,11>[3]
    hls::stream<conv4_beat_t> conv4("conv4");
#pragma HLS STREAM variable=conv4 depth=2
#pragma HLS DATA_PACK variable=conv4
    dse::sliding_stream<conv4_config, conv4_body>(relu3, conv4);

    // add5: 36 x ap_fixed<19,12>[3]
    hls::stream<add5_beat_t> add5("add5");
#pragma HLS STREAM variable=add5 depth=2
#pragma HLS DATA_PACK variable=add5
    dse::map_stream<add5_config, add5_body>(conv4, relu1_copy1, add5);

    // relu6: 36 x ap_ufixed<7,3,AP_RND,AP_SAT>[3]
    hls::stream<relu6_beat_t> relu6("relu6");
#pragma HLS STREAM variable=relu6 depth=2
#pragma HLS DATA_PACK variable=relu6
    dse::map_stream<relu6_config, relu6_body>(add5, relu6);

    // pool7: 9 x ap_ufixed<7,3,AP_RND,AP_SAT>[3]
    hls::stream<pool7_beat_t> pool7("pool7");
#pragma HLS STREAM variable=pool7 depth=2
#pragma HLS DATA_PACK variable=pool7
    dse::sliding_stream<pool7_config, pool7_body>(relu6, pool7);

    // flat8: 1 x ap_ufixed<7,3,AP_RND,AP_SAT>[27]
    hls::stream<flat8_beat_t> flat8("flat8");
#pragma HLS STREAM variable=flat8 depth=2
#pragma HLS DATA_PACK variable=flat8
    dse::reindex_collect<flat8_config>(pool7, flat8);

    // fc9: 1 x ap_fixed<18,11>[3]
    dse::map_stream_in_steps<fc9_config, fc9_body>(flat8, fc9);
}
