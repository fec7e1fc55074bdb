// ap_int and ap_uint on native integers, for simulation with any C++11 compiler that has
// __int128. A subset of the vendors' class, with the same meaning: construction wraps,
// operators return types wide enough to lose nothing, shifts keep the type. What is left
// out does not compile; nothing means something else. Synthesis uses the vendor's headers.
#ifndef DSE_SIM_AP_INT_H_
#define DSE_SIM_AP_INT_H_

namespace dse_sim {

template <bool CONDITION, class A, class B>
struct choose {
    typedef A type;
};
template <class A, class B>
struct choose<false, A, B> {
    typedef B type;
};

// The signed native integer that holds every code of W bits, signed or not.
template <int W>
struct native {
    static_assert(W >= 1, "a fixed-point type has at least one bit");
    static_assert(W <= 127, "the compact ap_int holds at most 127 bits, also of a product or "
                            "a sum; use the vendor's ap_int for wider ones");
    typedef typename choose<W <= 31, int, typename choose<W <= 63, long long, __int128>::type>::type
        type;
};

template <class T>
struct make_unsigned {
    typedef unsigned __int128 type;
};
template <>
struct make_unsigned<int> {
    typedef unsigned type;
};
template <>
struct make_unsigned<long long> {
    typedef unsigned long long type;
};

// The low W bits of x, as a signed or an unsigned number.
template <int W, bool S, class T>
constexpr typename native<W>::type wrap(T x) {
    typedef typename native<W>::type raw_t;
    typedef typename make_unsigned<raw_t>::type bits_t;
    return S ? raw_t(bits_t(x) << (8 * sizeof(raw_t) - W)) >> (8 * sizeof(raw_t) - W)
             : raw_t(bits_t(x) & ((bits_t(1) << W) - 1));
}

// A decimal number with an optional sign; it wraps at 128 bits.
constexpr __int128 parse_digits(const char* text, __int128 value) {
    return *text == 0 ? value : parse_digits(text + 1, value * 10 + (*text - '0'));
}
constexpr __int128 parse(const char* text) {
    return *text == '-' ? -parse_digits(text + 1, 0) : parse_digits(text, 0);
}

template <int W, bool S>
struct ap_integer {
    typedef typename native<W>::type raw_t;
    raw_t raw;

    constexpr ap_integer() : raw(0) {}
    constexpr ap_integer(bool x) : raw(wrap<W, S>(int(x))) {}
    constexpr ap_integer(int x) : raw(wrap<W, S>(x)) {}
    constexpr ap_integer(unsigned x) : raw(wrap<W, S>((long long)x)) {}
    constexpr ap_integer(long x) : raw(wrap<W, S>((long long)x)) {}
    constexpr ap_integer(unsigned long x) : raw(wrap<W, S>((__int128)x)) {}
    constexpr ap_integer(long long x) : raw(wrap<W, S>(x)) {}
    constexpr ap_integer(unsigned long long x) : raw(wrap<W, S>((__int128)x)) {}
    constexpr ap_integer(__int128 x) : raw(wrap<W, S>(x)) {}
    constexpr ap_integer(const char* decimal, signed char) : raw(wrap<W, S>(parse(decimal))) {}
    template <int W2, bool S2>
    constexpr ap_integer(const ap_integer<W2, S2>& x) : raw(wrap<W, S>(x.raw)) {}

    template <class T>
    ap_integer& operator+=(const T& x) {
        return *this = *this + x;
    }
    template <class T>
    ap_integer& operator-=(const T& x) {
        return *this = *this - x;
    }
    constexpr int to_int() const { return int(raw); }
    constexpr long long to_int64() const { return (long long)raw; }
};

template <int W1, bool S1, int W2, bool S2>
struct sum {
    static constexpr int a = W1 + (S2 && !S1), b = W2 + (S1 && !S2);
    static constexpr int width = (a > b ? a : b) + 1;
    typedef typename native<width>::type raw_t;
    typedef ap_integer<width, S1 || S2> type;
    typedef ap_integer<width, true> difference;
};

template <int W1, bool S1, int W2, bool S2>
constexpr typename sum<W1, S1, W2, S2>::type operator+(const ap_integer<W1, S1>& x,
                                                       const ap_integer<W2, S2>& y) {
    typedef typename sum<W1, S1, W2, S2>::raw_t raw_t;
    return typename sum<W1, S1, W2, S2>::type(raw_t(x.raw) + raw_t(y.raw));
}

template <int W1, bool S1, int W2, bool S2>
constexpr typename sum<W1, S1, W2, S2>::difference operator-(const ap_integer<W1, S1>& x,
                                                             const ap_integer<W2, S2>& y) {
    typedef typename sum<W1, S1, W2, S2>::raw_t raw_t;
    return typename sum<W1, S1, W2, S2>::difference(raw_t(x.raw) - raw_t(y.raw));
}

template <int W1, bool S1, int W2, bool S2>
constexpr ap_integer<W1 + W2, S1 || S2> operator*(const ap_integer<W1, S1>& x,
                                                  const ap_integer<W2, S2>& y) {
    typedef typename native<W1 + W2>::type raw_t;
    return ap_integer<W1 + W2, S1 || S2>(raw_t(x.raw) * raw_t(y.raw));
}

template <int W, bool S>
constexpr ap_integer<W, S> operator<<(const ap_integer<W, S>& x, int n) {
    typedef typename native<W>::type raw_t;
    return n >= W ? ap_integer<W, S>() : ap_integer<W, S>(
                                             raw_t(typename make_unsigned<raw_t>::type(x.raw) << n));
}

template <int W, bool S>
constexpr ap_integer<W, S> operator>>(const ap_integer<W, S>& x, int n) {
    return ap_integer<W, S>(x.raw >> (n >= W ? W - 1 : n) >> (n >= W ? 1 : 0));
}

#define DSE_SIM_COMPARE(OP)                                                                \
    template <int W1, bool S1, int W2, bool S2>                                            \
    constexpr bool operator OP(const ap_integer<W1, S1>& x, const ap_integer<W2, S2>& y) { \
        return x.raw OP y.raw;                                                             \
    }
DSE_SIM_COMPARE(<)
DSE_SIM_COMPARE(<=)
DSE_SIM_COMPARE(>)
DSE_SIM_COMPARE(>=)
DSE_SIM_COMPARE(==)
DSE_SIM_COMPARE(!=)
#undef DSE_SIM_COMPARE

}  // namespace dse_sim

template <int W>
using ap_int = dse_sim::ap_integer<W, true>;
template <int W>
using ap_uint = dse_sim::ap_integer<W, false>;

#endif
