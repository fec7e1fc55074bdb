// fc9: biases [groups][n_out]
#ifndef FC9_BODY_BIASES_H_
#define FC9_BODY_BIASES_H_

#include "ap_int.h"

static const ap_uint<5> fc9_body_biases[3] = {
    10, 27, 24,
};

#endif
