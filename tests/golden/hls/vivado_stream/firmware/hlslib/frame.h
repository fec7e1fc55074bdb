// A whole tensor into a stream and out of it, for test benches.
#ifndef DSE_FRAME_H_
#define DSE_FRAME_H_

#include "beat.h"
#include "hls_stream.h"

namespace dse {

template <class T, int N>
void send_frame(const T x[], int beats, hls::stream<beat<T, N> >& to) {
    for (int i = 0; i < beats; i++) {
        beat<T, N> out;
        for (int k = 0; k < N; k++) out.lane[k] = x[i * N + k];
        to.write(out);
    }
}

template <class T, int N>
void receive_frame(hls::stream<beat<T, N> >& from, T y[], int beats) {
    for (int i = 0; i < beats; i++) {
        const beat<T, N> in = from.read();
        for (int k = 0; k < N; k++) y[i * N + k] = in.lane[k];
    }
}

}  // namespace dse

#endif
