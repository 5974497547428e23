// Any machine: vectors of 4 floats, products and sums rounded apart, so that the results are the same bits everywhere.
#define FAMILY portable
#define TARGET 
#define VW 4
#define TILE 6
#define ROWS 4
#define FUSED 0
#include "Vector.inc"
#include "Gemm.inc"
#include "Winograd.inc"
#include "Pointwise.inc"
#include "Table.inc"
