// The integer code of a fixed-point number: value = code * 2**-fraction. All units compute
// on codes, so that nothing is rounded but where a unit says so.
#ifndef DSE_CODES_H_
#define DSE_CODES_H_

#include "ap_fixed.h"
#include "ap_int.h"

namespace dse {

// What a fixed-point type is made of; resized<N> has N bits of the same sign and step.
template <class T>
struct code_of;

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct code_of<ap_fixed<W, I, Q, O, N> > {
    typedef ap_int<W> type;
    static const int width = W;
    static const int fraction = W - I;
    template <int W2>
    struct resized {
        typedef ap_fixed<W2, W2 - W + I> type;
    };
};

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
struct code_of<ap_ufixed<W, I, Q, O, N> > {
    typedef ap_uint<W> type;
    static const int width = W;
    static const int fraction = W - I;
    template <int W2>
    struct resized {
        typedef ap_ufixed<W2, W2 - W + I> type;
    };
};

template <class T>
typename code_of<T>::type to_code(const T& x) {
#pragma HLS INLINE
    T copy = x;
    typename code_of<T>::type code = copy.range();
    return code;
}

template <class T>
T from_code(const typename code_of<T>::type& code) {
#pragma HLS INLINE
    T x;
    x.range() = code;
    return x;
}

// x as output_t, by its rounding and overflow. A number that is shorter than what is dropped
// is extended before: the open headers stop with an assertion on it. 127 bits are enough for
// any conversion that the compact ap_fixed holds.
template <class output_t, class input_t>
output_t convert(const input_t& x) {
#pragma HLS INLINE
    const int drop = code_of<input_t>::fraction - code_of<output_t>::fraction;
    const int limit = drop < 127 ? drop : 127;
    const int width = code_of<input_t>::width > limit ? code_of<input_t>::width : limit;
    const typename code_of<input_t>::template resized<width>::type extended = x;
    const output_t y = extended;
    return y;
}

}  // namespace dse

#endif
