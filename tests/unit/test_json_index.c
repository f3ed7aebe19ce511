/* SPDX-License-Identifier: Apache-2.0 */

/* Fields of JSON text, looked up where they are. */

#include <string.h>

#include <criterion/criterion.h>

#include "json_index.h"

TestSuite(json_index);

static const char object[] =
	"{ \"a\" : {\"b\":[1, \"x\" ,{\"c\":\"in\"}],\"d.e/f\":\"dots\"},\n"
	"\"q\":\"say \\\"hi\\\\\",\"n\":null,\"t\":true,\"a2\":-1.5e3,"
	"\"o\":{},\"l\":[],\"s\":\"\"}";

static struct json_index must_read(const char *text)
{
	struct json_index index = { 0 };

	cr_assert_eq(json_index_read(&index, text), 0, "%s", text);
	return index;
}

Test(json_index, finds_fields_by_path)
{
	_cleanup_(json_index_fini) struct json_index index = must_read(object);
	static const struct {
		const char *path;
		const char *text; /* NULL = absent */
	} fields[] = {
		{ "a.b", "[1, \"x\" ,{\"c\":\"in\"}]" },
		{ "q", "\"say \\\"hi\\\\\"" },
		{ "n", NULL },
		{ "t", "true" },
		{ "a2", "-1.5e3" },
		{ "o", "{}" },
		{ "l", "[]" },
		{ "s", "\"\"" },
		{ "a.x", NULL },
		{ "c", NULL },
		{ "o.x", NULL },
		{ "q.x", NULL },
		{ "a.b.c", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct json_token *token =
			json_index_at(&index, fields[i].path);

		cr_assert_eq(!token, !fields[i].text, "%s", fields[i].path);
		if (!token)
			continue;
		cr_assert_eq(token->len, strlen(fields[i].text));
		cr_assert_eq(memcmp(json_index_text(&index, token),
				    fields[i].text, token->len),
			     0);
	}
}

Test(json_index, compares_strings_as_they_are_meant)
{
	_cleanup_(json_index_fini) struct json_index index = must_read(object);

	cr_assert(json_index_is(&index, json_index_at(&index, "q"),
				"say \"hi\\"));
	cr_assert_not(json_index_is(&index, json_index_at(&index, "q"), "say"));
	cr_assert(json_index_is(&index, json_index_at(&index, "none"), ""));
	cr_assert_not(
		json_index_is(&index, json_index_at(&index, "t"), "true"));
	cr_assert(json_index_is(
		&index,
		json_index_member(&index, json_index_at(&index, "a"), "d.e/f"),
		"dots"));
}

Test(json_index, goes_over_arrays)
{
	_cleanup_(json_index_fini) struct json_index index = must_read(object);
	const struct json_token *item = NULL;
	char firsts[8] = "";
	size_t n = 0;

	while ((item = json_index_next(&index, json_index_at(&index, "a.b"),
				       item)))
		firsts[n++] = *json_index_text(&index, item);
	cr_assert_str_eq(firsts, "1\"{");
	cr_assert_null(
		json_index_next(&index, json_index_at(&index, "l"), NULL));
	cr_assert_null(
		json_index_next(&index, json_index_at(&index, "o"), NULL));
	cr_assert_null(json_index_next(&index, NULL, NULL));
}

Test(json_index, is_used_again_for_another_text)
{
	_cleanup_(json_index_fini) struct json_index index = must_read(object);

	cr_assert_eq(json_index_read(&index, "[]"), 0);
	cr_assert_null(json_index_at(&index, "a"));
}

Test(json_index, refuses_what_is_no_json)
{
	static const char *const texts[] = {
		"",	     "{",	"{\"a\"", "{\"a\":",
		"{\"a\":1",  "{a:1}",	"[1,",	  "[1 2]",
		"\"open",    "\"end\\", "{} {}",  "{\"a\":}",
		"{\"a\" 1}", "[1}",	"]",	  "{\"a\":1,}",
	};
	_cleanup_(json_index_fini) struct json_index index = { 0 };
	char deep[5000];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_assert_eq(json_index_read(&index, texts[i]), -EINVAL, "%s",
			     texts[i]);
	memset(deep, '[', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	cr_assert_eq(json_index_read(&index, deep), -EINVAL);
	cr_assert_null(json_index_at(&index, "a"));
}
