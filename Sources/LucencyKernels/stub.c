#include "LucencyKernels.h"
