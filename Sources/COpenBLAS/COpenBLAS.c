#define _GNU_SOURCE
#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef void (*sgemm_function)(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
    float beta, float *c, int ldc);
typedef const char *(*text_function)(void);

static struct {
    int status;
    sgemm_function sgemm;
    text_function core, config;
} library = {.status = LBLAS_MISSING};

const char *lblas_wanted_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    // Debian's 0.3.21 takes processors newer than itself for a generic core, 5 times slower. SkylakeX stands for all that have
    // AVX-512: the kernels made for newer ones (Cooperlake) were half as fast.
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return NULL;
}

/// Sets a variable, unless the user has; answers whether it must be unset again.
static int set_unless_set(const char *name, const char *value) {
    return value && !getenv(name) && setenv(name, value, 1) == 0;
}

static void load(void) {
#if defined(__APPLE__)
    const char *name = "libopenblas.0.dylib";
#else
    const char *name = "libopenblas.so.0";
#endif
    // The library reads these while it loads. Programs that this one starts must not inherit them.
    int unset_core = set_unless_set("OPENBLAS_CORETYPE", lblas_wanted_core());
    int unset_threads = set_unless_set("OPENBLAS_NUM_THREADS", "1");
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (unset_core) unsetenv("OPENBLAS_CORETYPE");
    if (unset_threads) unsetenv("OPENBLAS_NUM_THREADS");
    if (!handle) return;
    library.status = LBLAS_UNSUITABLE;
    sgemm_function sgemm = (sgemm_function)dlsym(handle, "cblas_sgemm");
    text_function core = (text_function)dlsym(handle, "openblas_get_corename");
    text_function config = (text_function)dlsym(handle, "openblas_get_config");
    void (*set_threads)(int) = (void (*)(int))dlsym(handle, "openblas_set_num_threads");
    int (*parallel)(void) = (int (*)(void))dlsym(handle, "openblas_get_parallel");
    if (!sgemm || !core || !config || !set_threads || !parallel) return;
    // A build without threads guards its buffers only when it was told to.
    if (parallel() == 0 && !strstr(config(), "USE_LOCKING")) return;
    set_threads(1);
    library.sgemm = sgemm;
    library.core = core;
    library.config = config;
    library.status = LBLAS_LOADED;
}

int lblas_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return library.status;
}

const char *lblas_core(void) { return library.core ? library.core() : ""; }
const char *lblas_config(void) { return library.config ? library.config() : ""; }

int lblas_sgemm(
    int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
    float beta, float *c, int ldc) {
    enum { row_major = 101, plain = 111, transposed = 112 };
    if (!library.sgemm) return 1;
    library.sgemm(
        row_major, transpose_a ? transposed : plain, transpose_b ? transposed : plain, m, n, k, alpha, a, lda, b, ldb, beta,
        c, ldc);
    return 0;
}
