// tagger: the top function.
#ifndef TAGGER_H_
#define TAGGER_H_

#include "defines.h"

void tagger(
    x_t x[8],
    softmax_t softmax[4]);

#endif
