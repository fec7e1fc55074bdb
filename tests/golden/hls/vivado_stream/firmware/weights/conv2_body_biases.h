// conv2: biases [groups][n_out]
#ifndef CONV2_BODY_BIASES_H_
#define CONV2_BODY_BIASES_H_

#include "ap_int.h"

static const ap_uint<6> conv2_body_biases[3] = {
    38, 37, 31,
};

#endif
