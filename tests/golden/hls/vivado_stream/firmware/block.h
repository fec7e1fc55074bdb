// block: the top function.
#ifndef BLOCK_H_
#define BLOCK_H_

#include "defines.h"

void block(
    hls::stream<x0_beat_t>& x0,
    hls::stream<fc9_beat_t>& fc9,
    hls::stream<x0_beat_t>& x0_out);

#endif
