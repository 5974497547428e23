#pragma once
// libFuzzer's driver, which -sanitize=fuzzer links in; its own main gives way to ours.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
