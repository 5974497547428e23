#pragma once
// OpenBLAS, loaded when it is first needed: its kernels are chosen while the library loads, so the variable that names
// them must be set before. Single-threaded: callers cut work into pieces of their own.

enum {
    LBLAS_LOADED = 0,
    LBLAS_MISSING = 1,    ///< there is no libopenblas.so.0
    LBLAS_UNSUITABLE = 2, ///< it lacks a function, or may not be called from several threads
};

/// Loads the library once; later calls answer as the first. Thread-safe.
int lblas_load(void);

/// The core that is asked for on this processor, by its features; NULL: the library's own choice.
const char *lblas_wanted_core(void);

/// The core whose kernels run, and how the library was built; empty unless loaded.
const char *lblas_core(void);
const char *lblas_config(void);

/// c = alpha * op(a) * op(b) + beta * c, row-major, op being the transpose where the flag is set. Only once loaded.
/// Returns 0 when it ran.
int lblas_sgemm(
    int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
    float beta, float *c, int ldc);
