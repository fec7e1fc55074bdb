// What the drivers of simulations share: files of 32-bit words, and random bits.
#ifndef DSE_SIM_FILES_H_
#define DSE_SIM_FILES_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "ports.h"

namespace {

Words read_words(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) std::exit(3);
    std::fseek(file, 0, SEEK_END);
    Words words(std::size_t(std::ftell(file)) / 4);
    std::rewind(file);
    if (std::fread(words.data(), 4, words.size(), file) != words.size()) std::exit(3);
    std::fclose(file);
    return words;
}

void write_words(const char* path, const Words& words) {
    std::FILE* file = std::fopen(path, "wb");
    if (!file || std::fwrite(words.data(), 4, words.size(), file) != words.size()) std::exit(4);
    if (std::fclose(file)) std::exit(4);
}

uint32_t next_random(uint32_t& state) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

}  // namespace

#endif
