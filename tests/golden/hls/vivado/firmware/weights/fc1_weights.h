// fc1: weights [groups][n_in][n_out]
#ifndef FC1_WEIGHTS_H_
#define FC1_WEIGHTS_H_

#include "ap_int.h"

static const ap_int<8> fc1_weights[48] = {
    79, -107, -83, -68, -82, 77, 94, 21, -118, -104, -43, -18, 31, -6, -61, -88,
    49, 60, -120, -99, -13, -28, 99, 4, -21, -18, 42, 22, -84, 60, 65, 116,
    73, -56, -47, 38, 38, 50, 94, -54, 112, -128, -109, 121, 113, -52, -93, -48,
};

#endif
