// Softmax by two tables: e_i = exp(x_i - max x), and the reciprocal of the sum's mantissa.
#ifndef DSE_SOFTMAX_H_
#define DSE_SOFTMAX_H_

#include "codes.h"

namespace dse {

// A product in DSP blocks as the tool likes, or in logic alone.
template <bool IN_LOGIC>
struct softmax_product {
    template <class product_t, class a_t, class b_t>
    static product_t of(const a_t a, const b_t b) {
#pragma HLS INLINE
        return a * b;
    }
};

template <>
struct softmax_product<true> {
    template <class product_t, class a_t, class b_t>
    static product_t of(const a_t a, const b_t b) {
#pragma HLS INLINE
        const product_t product = a * b;
#pragma HLS BIND_OP variable=product op=mul impl=fabric
        return product;
    }
};

template <class CONFIG, class input_t, class output_t>
void softmax(const input_t x[CONFIG::size], output_t y[CONFIG::size],
             const typename CONFIG::exp_t exps[CONFIG::n_exps],
             const typename CONFIG::inverse_t inverses[CONFIG::n_inverses]) {
#pragma HLS FUNCTION_INSTANTIATE variable=exps,inverses
#pragma HLS PIPELINE
#pragma HLS BIND_STORAGE variable=exps type=ROM_NP impl=BRAM
#pragma HLS BIND_STORAGE variable=inverses type=ROM_NP impl=BRAM
    typedef typename code_of<input_t>::type code_t;
    typedef typename CONFIG::distance_t distance_t;
    typename CONFIG::exp_t terms[CONFIG::size];
#pragma HLS ARRAY_PARTITION variable=terms complete

    code_t largest = to_code(x[0]);
Largest:
    for (int i = 1; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        const code_t code = to_code(x[i]);
        if (code > largest) largest = code;
    }

    typename CONFIG::sum_t sum = 0;
    const distance_t last = CONFIG::n_exps - 1;
Exponentials:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        distance_t distance = largest - to_code(x[i]);
        distance = (distance + CONFIG::round_up()) >> CONFIG::exp_shift;
        if (distance > last) distance = last;
        const typename CONFIG::exp_index_t index = distance;
        terms[i] = exps[index.to_int()];
        sum += terms[i];
    }

    // The sum is brought to [1, 2) by left shifts: up = (exponents - its exponent).
    int up = CONFIG::exponents;
Exponent:
    for (int k = 1; k <= CONFIG::exponents; k++) {
#pragma HLS UNROLL
        const typename CONFIG::sum_t zero = 0;
        if ((sum >> (CONFIG::exp_fraction + k)) > zero) up--;
    }
    typename CONFIG::mantissa_t mantissa = sum;
    mantissa = (mantissa << up) >> CONFIG::mantissa_shift;
    const typename CONFIG::inverse_index_t index = mantissa - CONFIG::one();
    typename CONFIG::scaled_inverse_t inverse = inverses[index.to_int()];
    inverse = inverse << up;

Results:
    for (int i = 0; i < CONFIG::size; i++) {
#pragma HLS UNROLL
        typedef typename code_of<typename CONFIG::product_t>::type product_code_t;
        const product_code_t code =
            softmax_product<CONFIG::in_logic>::template of<product_code_t>(terms[i], inverse);
        const typename CONFIG::product_t product = from_code<typename CONFIG::product_t>(code);
        y[i] = convert<output_t>(product);
    }
}

}  // namespace dse

#endif
