// fc1: biases [groups][n_out]
#ifndef FC1_BIASES_H_
#define FC1_BIASES_H_

#include "ap_int.h"

static const ap_int<8> fc1_biases[6] = {
    -91, 77, 32, 16, -51, -6,
};

#endif
