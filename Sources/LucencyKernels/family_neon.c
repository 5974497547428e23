// NEON: 32 registers of 4 floats.
#if defined(__aarch64__)
#define FAMILY neon
#define TARGET 
#define VW 4
#define TILE 12
#define ROWS 8
#define FUSED 1
#include "Vector.inc"
#include "Gemm.inc"
#include "Winograd.inc"
#include "Pointwise.inc"
#include "Table.inc"
#endif
