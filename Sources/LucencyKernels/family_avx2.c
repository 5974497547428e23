// AVX2 with FMA: 16 registers of 8 floats.
#if defined(__x86_64__)
#define FAMILY avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VW 8
#define TILE 6
#define ROWS 4
#define FUSED 1
#include "Vector.inc"
#include "Gemm.inc"
#include "Winograd.inc"
#include "Pointwise.inc"
#include "Table.inc"
#endif
