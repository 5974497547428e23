// AVX-512: 32 registers of 16 floats.
#if defined(__x86_64__)
#define FAMILY avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define VW 16
#define TILE 12
#define ROWS 8
#define FUSED 1
#include "Vector.inc"
#include "Gemm.inc"
#include "Winograd.inc"
#include "Pointwise.inc"
#include "Table.inc"
#endif
