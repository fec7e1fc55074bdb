// Reindex over streams. A step reads a beat or none, and writes one or none; which, and from
// where its elements come, is in constants that the converter makes from the index map.
#ifndef DSE_REINDEX_STREAM_H_
#define DSE_REINDEX_STREAM_H_

#include "hls_stream.h"

#include "beat.h"
#include "codes.h"

namespace dse {

// M elements in a row out of beats of N: several beats become one, as for a flatten.
template <class CONFIG, class T, int N, int M>
void reindex_collect(hls::stream<beat<T, N> >& x, hls::stream<beat<T, M> >& y) {
    beat<T, M> out;
#pragma HLS ARRAY_PARTITION variable=out.lane complete
    int place = 0;
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        const beat<T, N> in = x.read();
#pragma DSE PACK_BEAT in
    Older:
        for (int k = 0; k < M - N; k++) {
#pragma HLS UNROLL
            out.lane[k] = out.lane[k + N];
        }
    Newest:
        for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
            out.lane[M - N + k] = in.lane[k];
        }
        if (place + 1 == M / N) y.write(out);
        place = place + 1 == M / N ? 0 : place + 1;
    }
}

// The elements of a beat of N in beats of M, in their order.
template <class CONFIG, class T, int N, int M>
void reindex_split(hls::stream<beat<T, N> >& x, hls::stream<beat<T, M> >& y) {
    beat<T, N> left;
#pragma HLS ARRAY_PARTITION variable=left.lane complete
    int place = 0;
Beats:
    for (int i = 0; i < CONFIG::beats; i++) {
#pragma HLS PIPELINE II=1
        if (place == 0) left = x.read();
        beat<T, M> out;
#pragma DSE PACK_BEAT out
    First:
        for (int k = 0; k < M; k++) {
#pragma HLS UNROLL
            out.lane[k] = left.lane[k];
        }
    Later:
        for (int k = 0; k < N - M; k++) {
#pragma HLS UNROLL
            left.lane[k] = left.lane[k + M];
        }
        y.write(out);
        place = place + 1 == N / M ? 0 : place + 1;
    }
}

// Each output beat is made of one input beat at most, all by the same map of lanes: padding,
// cropping, up-sampling, permutations of positions, broadcasting. The beat read last is held; a
// slot takes it over where an output after the next read needs it.
template <class CONFIG, class T, int N, int M>
void reindex_beats(hls::stream<beat<T, N> >& x, hls::stream<beat<T, M> >& y,
                   const typename CONFIG::reads_t reads[CONFIG::steps],
                   const typename CONFIG::writes_t writes[CONFIG::steps],
                   const typename CONFIG::stores_t stores[CONFIG::steps],
                   const typename CONFIG::sources_t sources[CONFIG::steps],
                   const typename CONFIG::lanes_t lanes[M]) {
#pragma HLS FUNCTION_INSTANTIATE variable=reads,writes,stores,sources,lanes
#pragma HLS ARRAY_PARTITION variable=lanes complete
    beat<T, N> kept[CONFIG::slots > 0 ? CONFIG::slots : 1];
#pragma DSE PACK_STREAM kept
    beat<T, N> in;
#pragma DSE PACK_BEAT in
Steps:
    for (int i = 0; i < CONFIG::steps; i++) {
#pragma HLS PIPELINE II=1
        if (reads[i].to_int()) {
            const int slot = stores[i].to_int();
            if (slot > 0) kept[slot - 1] = in;
            in = x.read();
        }
        if (writes[i].to_int()) {
            const int source = sources[i].to_int();
            const beat<T, N> from = source > 1 ? kept[source - 2] : in;
            beat<T, M> out;
#pragma DSE PACK_BEAT from
#pragma DSE PACK_BEAT out
        Lanes:
            for (int k = 0; k < M; k++) {
#pragma HLS UNROLL
                const int lane = lanes[k].to_int();
                out.lane[k] = from_code<T>(CONFIG::fill());
                if (source > 0 && lane >= 0) out.lane[k] = from.lane[lane];
            }
            y.write(out);
        }
    }
}

// Any other map: each element of an output beat has a source of its own, in registers.
template <class CONFIG, class T, int N, int M>
void reindex_gather(hls::stream<beat<T, N> >& x, hls::stream<beat<T, M> >& y,
                    const typename CONFIG::reads_t reads[CONFIG::steps],
                    const typename CONFIG::writes_t writes[CONFIG::steps],
                    const typename CONFIG::stores_t stores[CONFIG::steps],
                    const typename CONFIG::sources_t sources[CONFIG::outputs * M]) {
#pragma HLS FUNCTION_INSTANTIATE variable=reads,writes,stores,sources
#pragma HLS ARRAY_RESHAPE variable=sources cyclic factor=M
    T kept[(CONFIG::slots + 1) * N];  // the first N are the beat read last
#pragma HLS ARRAY_PARTITION variable=kept complete
    int written = 0;
Steps:
    for (int i = 0; i < CONFIG::steps; i++) {
#pragma HLS PIPELINE II=1
        if (reads[i].to_int()) {
            const int slot = stores[i].to_int();
        Keep:
            for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
                if (slot > 0) kept[slot * N + k] = kept[k];
            }
            const beat<T, N> in = x.read();
#pragma DSE PACK_BEAT in
        Newest:
            for (int k = 0; k < N; k++) {
#pragma HLS UNROLL
                kept[k] = in.lane[k];
            }
        }
        if (writes[i].to_int()) {
            beat<T, M> out;
#pragma DSE PACK_BEAT out
        Lanes:
            for (int k = 0; k < M; k++) {
#pragma HLS UNROLL
                const int source = sources[written * M + k].to_int();
                out.lane[k] = from_code<T>(CONFIG::fill());
                if (source > 0) out.lane[k] = kept[source - 1];
            }
            y.write(out);
            written++;
        }
    }
}

}  // namespace dse

#endif
