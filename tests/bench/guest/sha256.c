/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) as a compiler makes it of plain C: rotations and additions in registers. */
#include "bench.h"

static const u32 constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 rotate(u32 v, unsigned n) { return v >> n | v << (32 - n); }

static void block(u32 *h, const u32 *message)
{
    u32 w[64], s[8];

    for (unsigned i = 0; i < 16; i++)
        w[i] = __builtin_bswap32(message[i]);
    for (unsigned i = 16; i < 64; i++)
        w[i] = w[i - 16] + (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
    for (unsigned i = 0; i < 8; i++)
        s[i] = h[i];
    for (unsigned i = 0; i < 64; i++) {
        u32 t = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                constants[i] + w[i];
        u32 u =
            (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t + u;
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
}

/* 4 KiB a time. */
static u32 sha256(u32 count)
{
    static u32 message[1024];
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
        seed = 1;

    for (unsigned i = 0; i < 1024; i++)
        message[i] = next_random(&seed);
    begin();
    for (u32 i = 0; i < count; i++)
        for (unsigned at = 0; at < 1024; at += 16)
            block(h, message + at);
    end();
    return h[0];
}

const struct workload sha256_workloads[] = {{"sha256", sha256}, {NULL, NULL}};
