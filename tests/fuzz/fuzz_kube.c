/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer target for what an API server says: the first byte chooses a refusal
 * (as JSON or not) or a line of a watch. An object that is made of a line is one that
 * the rest of us can read again.
 */

#include <assert.h>
#include <string.h>

#include "kube_answer.h"
#include "kube_http.h"
#include "kube_watch_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_refusal(const char *text, size_t len, bool is_json)
{
	static const unsigned int codes[] = { 400, 404, 409, 429, 504 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct kube_http_answer answer = { .is_json = is_json,
					   .body = (char *)text,
					   .len = len };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		answer.status = codes[i];
		assert(kube_answer_judge(&answer, &err) != 0);
		assert(*err_text(&err));
	}
}

static void try_line(const char *text, size_t len)
{
	_cleanup_(kube_watch_line_fini) struct kube_watch_line line =
		KUBE_WATCH_LINE_INIT;
	_cleanup_(object_unref) struct object *again = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (kube_watch_line_parse(KIND_CLAIM, text, len, &line, &err) != 0 ||
	    line.type != KUBE_LINE_EVENT)
		return;
	assert(object_parse(&again, line.object->text,
			    strlen(line.object->text), NULL) == 0);
	assert(strcmp(again->name, line.object->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(free) char *text = NULL;

	if (len < 1)
		return 0;
	text = strndup((const char *)data + 1, len - 1);
	if (data[0] == 'l')
		try_line(text, strlen(text));
	else
		try_refusal(text, strlen(text), data[0] == 'j');
	return 0;
}
