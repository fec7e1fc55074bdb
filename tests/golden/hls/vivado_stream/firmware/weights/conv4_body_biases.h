// conv4: biases [groups][n_out]
#ifndef CONV4_BODY_BIASES_H_
#define CONV4_BODY_BIASES_H_

#include "ap_int.h"

static const ap_int<7> conv4_body_biases[3] = {
    -16, -35, 31,
};

#endif
