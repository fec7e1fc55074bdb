// conv0: weights [groups][n_in][n_out]
#ifndef CONV0_BODY_WEIGHTS_H_
#define CONV0_BODY_WEIGHTS_H_

#include "ap_int.h"

static const ap_int<5> conv0_body_weights[54] = {
    -1, 0, 8, 14, -15, -12, 10, 14, -9, -7, 11, -3, -8, 10, -8, -3,
    4, 1, -14, -16, 11, 8, 10, 1, 10, -6, -2, 9, -13, -7, -13, -2,
    15, -12, -4, -4, 12, -10, 0, -8, -16, 8, -15, -8, -1, -1, -13, 15,
    7, 14, -14, 7, -7, 1,
};

#endif
