// conv0: biases [groups][n_out]
#ifndef CONV0_BODY_BIASES_H_
#define CONV0_BODY_BIASES_H_

#include "ap_int.h"

static const ap_int<7> conv0_body_biases[3] = {
    33, -18, 18,
};

#endif
