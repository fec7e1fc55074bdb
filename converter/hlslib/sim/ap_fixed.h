// ap_fixed and ap_ufixed on native integers: conversions between types with all roundings
// and overflows, comparisons, and access to the bits by range(). The meaning is that of the
// vendors' headers (UG1399, "Arbitrary Precision Fixed-Point Data Types"): rounding first,
// then overflow. See ap_int.h for what is left out.
#ifndef DSE_SIM_AP_FIXED_H_
#define DSE_SIM_AP_FIXED_H_

#include "ap_int.h"

enum ap_q_mode { AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO };
enum ap_o_mode { AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP, AP_WRAP_SM };

namespace dse_sim {

// x with D low bits dropped; W bits hold x.
template <int W, int D, ap_q_mode Q, class T>
inline T round_off(T x) {
    if (D <= 0) return x;
    const bool far = D > W;  // x is less than half a step
    const int drop = far || D <= 0 ? 1 : D;
    const T floor = far ? T(x < 0 ? -1 : 0) : T(x >> drop);
    if (Q == AP_TRN) return floor;
    const T rest = far ? T(0) : T(x - T(typename make_unsigned<T>::type(floor) << drop));
    if (Q == AP_TRN_ZERO) return T(floor + (x < 0 && (far || rest != 0)));
    const T half = T(typename make_unsigned<T>::type(1) << (drop - 1));
    const bool up = far ? x < 0 : rest > half;
    const bool tie = !far && rest == half;
    const bool tie_up = Q == AP_RND ? true
                        : Q == AP_RND_ZERO ? x < 0
                        : Q == AP_RND_INF ? x >= 0
                        : Q == AP_RND_CONV ? (floor & 1) != 0
                                           : false;
    return T(floor + (up || (tie && tie_up)));
}

// x times 2**L brought into W bits; floor is x before it was rounded, which WRAP_SM looks at.
template <int W, bool S, int L, ap_o_mode O, class T>
inline typename native<W>::type fit(T x, T floor) {
    typedef typename native<W>::type raw_t;
    typedef typename make_unsigned<T>::type bits_t;
    const int bits = 8 * sizeof(T);
    const int left = L < 0 ? 0 : L;
    const int shift = left < bits ? left : 0;
    const bits_t shifted = left < bits ? bits_t(x) << shift : bits_t(0);
    if (O == AP_WRAP) return wrap<W, S>(T(shifted));
    if (O == AP_WRAP_SM) {
        const raw_t low = wrap<W, S>(T(shifted));
        const bool sign = ((left < bits ? bits_t(floor) << shift : bits_t(0)) >> W) & 1;
        const bool kept = T(shifted) == T(low) && (T(shifted) >> shift) == x;
        return !kept && (low < 0) != sign ? wrap<W, S>(~low) : low;
    }
    const T largest = T((bits_t(1) << (W - S)) - 1);
    const T least = !S ? T(0) : O == AP_SAT_SYM && W > 1 ? T(-largest) : T(-largest - 1);
    const T high = left < bits ? T(largest >> shift) : T(0);
    const T low = left < bits ? T(-(T(-least) >> shift)) : T(0);
    if (x > high) return raw_t(O == AP_SAT_ZERO ? T(0) : largest);
    if (x < low) return raw_t(O == AP_SAT_ZERO ? T(0) : least);
    return raw_t(T(shifted));
}

template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O, int N>
struct fixed {
    static_assert(N == 0, "saturation bits are not supported");
    typedef typename native<W>::type raw_t;
    raw_t raw;

    constexpr fixed() : raw(0) {}
    template <int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2, int N2>
    fixed(const fixed<W2, I2, S2, Q2, O2, N2>& x) {
        const int left = (W - I) - (W2 - I2);
        typedef typename choose<W2 <= 61 && W <= 61, long long, __int128>::type work_t;
        raw = fit<W, S, left, O>(round_off<W2, -left, Q>(work_t(x.raw)),
                                 round_off<W2, -left, AP_TRN>(work_t(x.raw)));
    }

    struct all_bits {
        raw_t& raw;
        template <int W2, bool S2>
        operator ap_integer<W2, S2>() const {
            return ap_integer<W2, S2>(wrap<W, false>(raw));
        }
        template <int W2, bool S2>
        all_bits& operator=(const ap_integer<W2, S2>& bits) {
            raw = wrap<W, S>(bits.raw);
            return *this;
        }
    };
    all_bits range() { return all_bits{raw}; }
    ap_integer<W, false> range() const { return ap_integer<W, false>(raw); }
};

}  // namespace dse_sim

template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
using ap_fixed = dse_sim::fixed<W, I, true, Q, O, N>;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0>
using ap_ufixed = dse_sim::fixed<W, I, false, Q, O, N>;

#endif
