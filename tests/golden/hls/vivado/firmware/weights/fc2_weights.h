// fc2: weights [groups][n_out][n_in]
#ifndef FC2_WEIGHTS_H_
#define FC2_WEIGHTS_H_

#include "ap_int.h"

static const ap_int<6> fc2_weights[24] = {
    -20, -16, -16, 1, 6, -1, 17, 13, -27, 27, 8, 15, -2, 1, 6, 27,
    -17, -14, -31, -9, 10, -19, -13, 14,
};

#endif
