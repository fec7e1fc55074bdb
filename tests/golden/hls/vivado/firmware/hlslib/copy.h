// Copies of a tensor, where a dataflow region or a port asks for a reader of its own.
#ifndef DSE_COPY_H_
#define DSE_COPY_H_

namespace dse {

template <int N, class T>
void copy(const T x[N], T y[N]) {
#pragma HLS PIPELINE
Elements:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        y[i] = x[i];
    }
}

template <int N, class T>
void fork(const T x[N], T first[N], T second[N]) {
#pragma HLS PIPELINE
Elements:
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        first[i] = x[i];
        second[i] = x[i];
    }
}

}  // namespace dse

#endif
