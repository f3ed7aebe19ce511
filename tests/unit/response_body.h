/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The body of a response that is made while it is sent, as if it had been made before. */

#include <stdio.h>

#include "api.h"

static inline void response_collect_body(struct api_response *response)
{
	struct api_stream *stream = response->stream;
	FILE *out = open_memstream(&response->body, &response->body_len);
	char buffer[100];
	size_t n;

	while ((n = stream->read(stream, -1, buffer, sizeof(buffer))))
		(void)fwrite(buffer, 1, n, out);
	(void)fclose(out);
	stream->free(stream);
	response->stream = NULL;
}
