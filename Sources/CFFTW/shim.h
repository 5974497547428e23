#pragma once
#include <fftw3.h>

// Swift does not see arrays of unknown length.
static inline const char *lfftw_version(void) { return fftwf_version; }
