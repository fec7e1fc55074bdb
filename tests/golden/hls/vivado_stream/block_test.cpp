// Test bench of block: reads rows of integer codes from tb_data/inputs.dat, runs the top
// function, and compares with tb_data/expected.dat for equality. Ends with 1 on any difference.
#include <stdio.h>

#include "block.h"
#include "hlslib/codes.h"
#include "hlslib/frame.h"

namespace tb {

// One decimal number of any width; false at the end of the file.
template <class T>
static bool read_code(FILE* file, T& code) {
    int c = fgetc(file);
    while (c == ' ' || c == '\n' || c == '\r') c = fgetc(file);
    const bool negative = c == '-';
    if (negative) c = fgetc(file);
    if (c < '0' || c > '9') return false;
    code = 0;
    for (; c >= '0' && c <= '9'; c = fgetc(file)) {
        const T digit = c - '0';
        code = (code << 3) + (code << 1) + digit;
    }
    if (negative) code = T(0) - code;
    return true;
}

template <class T>
static bool read_codes(FILE* file, T* x, int size) {
    for (int i = 0; i < size; i++) {
        typename dse::code_of<T>::type code;
        if (!read_code(file, code)) return false;
        x[i] = dse::from_code<T>(code);
    }
    return true;
}

template <class T>
static int differences(const T* y, const T* expected, int size) {
    int count = 0;
    for (int i = 0; i < size; i++) count += dse::to_code(y[i]) != dse::to_code(expected[i]);
    return count;
}

static FILE* inputs;
static FILE* expected;
static int rows;
static int wrong_rows;
static int wrong_before;
static int wrong_codes;

}  // namespace tb

int main() {
    tb::inputs = fopen("tb_data/inputs.dat", "r");
    tb::expected = fopen("tb_data/expected.dat", "r");
    if (!tb::inputs || !tb::expected) {
        fprintf(stderr, "tb_data/inputs.dat or tb_data/expected.dat: cannot read\n");
        return 2;
    }
    for (;;) {
        x0_t x0[72];
        fc9_t fc9[3];
        fc9_t fc9_expected[3];
        x0_t x0_out[72];
        x0_t x0_out_expected[72];
        hls::stream<x0_beat_t> x0_beats("x0");
        hls::stream<fc9_beat_t> fc9_beats("fc9");
        hls::stream<x0_beat_t> x0_out_beats("x0_out");
        if (!tb::read_codes(tb::inputs, x0, 72)) break;
        if (!tb::read_codes(tb::expected, fc9_expected, 3)) {
            fprintf(stderr, "tb_data/expected.dat: fewer rows than inputs.dat\n");
            return 2;
        }
        if (!tb::read_codes(tb::expected, x0_out_expected, 72)) {
            fprintf(stderr, "tb_data/expected.dat: fewer rows than inputs.dat\n");
            return 2;
        }
        dse::send_frame(x0, 36, x0_beats);
        block(x0_beats, fc9_beats, x0_out_beats);
        dse::receive_frame(fc9_beats, fc9, 1);
        dse::receive_frame(x0_out_beats, x0_out, 36);
        tb::wrong_before = tb::wrong_codes;
        tb::wrong_codes += tb::differences(fc9, fc9_expected, 3);
        tb::wrong_codes += tb::differences(x0_out, x0_out_expected, 72);
        tb::rows++;
        tb::wrong_rows += tb::wrong_codes > tb::wrong_before;
    }
    fclose(tb::inputs);
    fclose(tb::expected);
    printf("%d rows, %d of them different, %d codes different\n", tb::rows,
           tb::wrong_rows, tb::wrong_codes);
    return tb::rows > 0 && tb::wrong_codes == 0 ? 0 : 1;
}
