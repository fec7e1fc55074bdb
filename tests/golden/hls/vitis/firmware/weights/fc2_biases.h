// fc2: biases [groups][n_out]
#ifndef FC2_BIASES_H_
#define FC2_BIASES_H_

#include "ap_int.h"

static const ap_int<8> fc2_biases[4] = {
    30, -56, -23, 65,
};

#endif
