/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a fuzz target over the files that are named, where libFuzzer is not there
 * to do it: the corpus, and every input that once crashed, as a test.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "cleanup.h"

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay(const char *path)
{
	_cleanup_(free) uint8_t *data = malloc(INPUT_MAX);
	_cleanup_(fclose) FILE *file = fopen(path, "re");
	size_t len;

	if (!data || !file) {
		fprintf(stderr, "replay: open %s: %s\n", path, strerror(errno));
		return 1;
	}
	len = fread(data, 1, INPUT_MAX, file);
	LLVMFuzzerTestOneInput(data, len);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= replay(argv[i]);
	return status;
}
