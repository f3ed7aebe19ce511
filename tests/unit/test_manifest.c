/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "manifest.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static void expect_json(const char *yaml, const char *json)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	struct err err = ERR_INIT;
	char *text;

	cr_assert_eq(manifest_parse("f", yaml, strlen(yaml), &manifest, &err),
		     0, "%s: %s", yaml, err_text(&err));
	cr_assert_eq(manifest.n, 1, "%s", yaml);
	text = cJSON_PrintUnformatted(manifest.documents[0].json);
	cr_expect_str_eq(text, json, "%s: %s, not %s", yaml, text, json);
	free(text);
}

static void expect_error(const char *yaml, const char *sentence)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	struct err err = ERR_INIT;

	cr_expect_eq(
		manifest_parse("f.yaml", yaml, strlen(yaml), &manifest, &err),
		-EINVAL, "%s", yaml);
	cr_expect_not_null(strstr(err_text(&err), sentence), "%s: %s", yaml,
			   err_text(&err));
	err_fini(&err);
}

Test(manifest, reads_plain_scalars_as_kubectl_does)
{
	static const struct {
		const char *yaml;
		const char *json;
	} table[] = {
		{ "true", "true" },
		{ "True", "true" },
		{ "yes", "true" },
		{ "on", "true" },
		{ "y", "true" },
		{ "false", "false" },
		{ "No", "false" },
		{ "off", "false" },
		{ "~", "null" },
		{ "", "null" },
		{ "null", "null" },
		{ "Null", "null" },
		{ "1", "1" },
		{ "-5", "-5" },
		{ "+5", "5" },
		{ "0", "0" },
		{ "0777", "511" },
		{ "0o17", "15" },
		{ "0x1F", "31" },
		{ "0b101", "5" },
		{ "1_000", "1000" },
		{ "089", "89" },
		{ "1.5", "1.5" },
		{ ".5", "0.5" },
		{ "5.", "5" },
		{ "-.5", "-0.5" },
		{ "1e3", "1000" },
		{ "1.e2", "100" },
		{ "1e", "\"1e\"" },
		{ "1E511", "\"1E511\"" },
		{ "-1e999", "\"-1e999\"" },
		{ "1Gi", "\"1Gi\"" },
		{ "1.2.3", "\"1.2.3\"" },
		{ "0x", "\"0x\"" },
		{ "-", "[null]" },
		{ "4.1", "4.1" },
		{ "2026-11-24", "\"2026-11-24\"" },
		{ "\"yes\"", "\"yes\"" },
		{ "'1'", "\"1\"" },
		{ "!!str 1", "\"1\"" },
		{ "! 1", "\"1\"" },
		{ "!!int \"7\"", "7" },
		{ "tRue", "\"tRue\"" },
		{ "nfs.csi.k8s.io", "\"nfs.csi.k8s.io\"" },
		{ "\"\\u00fc\"", "\"\xc3\xbc\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char yaml[64], json[64];

		(void)snprintf(yaml, sizeof(yaml), "a: %s\n", table[i].yaml);
		(void)snprintf(json, sizeof(json), "{\"a\":%s}", table[i].json);
		if (strcmp(table[i].yaml, "-") == 0)
			(void)snprintf(yaml, sizeof(yaml), "a:\n-\n");
		expect_json(yaml, json);
	}
}

Test(manifest, reads_structures_anchors_and_merges)
{
	expect_json("a:\n- b: 1\n  c: [x, {d: 2}]\n",
		    "{\"a\":[{\"b\":1,\"c\":[\"x\",{\"d\":2}]}]}");
	expect_json("{\"a\": {\"b\": [true, null]}}",
		    "{\"a\":{\"b\":[true,null]}}");
	expect_json("a: &x {b: 1}\nc: *x\n",
		    "{\"a\":{\"b\":1},\"c\":{\"b\":1}}");
	expect_json("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n",
		    "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":3,\"c\":2}}");
	expect_json("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n",
		    "{\"a\":{\"b\":1},\"c\":{\"b\":2,\"d\":3},"
		    "\"e\":{\"b\":1,\"d\":3}}");
	expect_json("a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}");
	expect_json("1: x\ntrue: z\n", "{\"1\":\"x\",\"true\":\"z\"}");
}

Test(manifest, splits_documents_and_flattens_lists)
{
	static const char yaml[] =
		"# only a comment\n---\n---\nkind: A\n---\nkind: List\nitems:\n"
		"- kind: B\n- kind: C\n---\nnull\n---\n\nkind: D\n...\n";
	static const struct {
		const char *kind;
		unsigned int line;
	} expected[] = { { "A", 4 }, { "B", 8 }, { "C", 9 }, { "D", 14 } };
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };

	cr_assert_eq(manifest_parse("f", yaml, strlen(yaml), &manifest, NULL),
		     0);
	cr_assert_eq(manifest.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < manifest.n; i++) {
		const cJSON *kind = cJSON_GetObjectItemCaseSensitive(
			manifest.documents[i].json, "kind");

		cr_expect_str_eq(kind->valuestring, expected[i].kind);
		cr_expect_eq(manifest.documents[i].line, expected[i].line,
			     "%s: line %u", expected[i].kind,
			     manifest.documents[i].line);
	}
}

Test(manifest, errors_name_the_file_and_the_line)
{
	expect_error("a: 1\nb: 2\na: 3\n",
		     "f.yaml:3: key \"a\" is already set in the map");
	expect_error("a: 1\n\tb: 2\n", "f.yaml:2: ");
	expect_error("a: [1, 2\nb: 3\n", "f.yaml:");
	expect_error("a: *nothing\n", "f.yaml:1: unknown anchor \"nothing\"");
	expect_error("a: &a [*a]\n", "f.yaml:1: unknown anchor \"a\"");
	expect_error("---\n- 1\n", "f.yaml:2: the document must be a mapping");
	expect_error("hello\n", "f.yaml:1: the document must be a mapping");
	expect_error("a: !!binary aGk=\n", "f.yaml:1: unsupported tag");
	expect_error("a: \"x\\0y\"\n", "f.yaml:1: a NUL character");
	expect_error("[a]: 1\n", "f.yaml:1: a key must be a plain value");
	expect_error("a: {<<: 1}\n", "f.yaml:1: \"<<\" takes a mapping");
	expect_error("kind: List\nitems: [1]\n",
		     "items of a List must be mappings");
	expect_error("a: \xff\n", "f.yaml:");
}

Test(manifest, refuses_what_is_too_deep_or_too_large)
{
	static char large[(3 << 20) + 2];
	char deep[300];

	memset(deep, '[', 200);
	memset(deep + 200, ']', 90);
	deep[290] = '\0';
	expect_error(deep, "f.yaml:1: nested deeper than 64 levels");
	memset(large, '#', sizeof(large) - 1);
	expect_error(large, "f.yaml: larger than 3 MiB");
	memset(large, 0, sizeof(large));
	strcpy(large, "a: [");
	for (size_t i = 0; i < 100001; i++)
		memcpy(large + 4 + 2 * i, "1,", 2);
	strcat(large, "]\n");
	expect_error(large, "more than 100000 nodes");
}

Test(manifest, refuses_an_alias_bomb_before_it_explodes, .timeout = 10)
{
	char yaml[4096] = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";

	for (unsigned int i = 1; i < 30; i++) {
		char line[128];

		(void)snprintf(
			line, sizeof(line),
			"a%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n",
			i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
			i - 1);
		strcat(yaml, line);
	}
	expect_error(yaml, "more than 100000 nodes (aliases are counted out)");
}

Test(manifest, writes_what_it_reads)
{
	static const char json[] =
		"{\"kind\":\"X\",\"a\":\"yes\",\"b\":\"1\",\"c\":\"\","
		"\"d\":\"1Gi\",\"e\":[],\"f\":{},\"g\":[{\"h\":1,\"i\":null}],"
		"\"j\":\"two\\nlines\\n\",\"k\":true,\"l\":1.5,"
		"\"m\":\"2026-11-24T00:00:00Z\",\"n\":\"- x: #y\",\"o\":\"<<\","
		"\"p\":\"\xc3\xbc\",\"q\":\" blanks \",\"no\":\"~\"}";
	_cleanup_(cJSON_Delete) cJSON *value = cJSON_Parse(json);
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	_cleanup_(free) char *yaml = manifest_to_yaml(value);

	cr_assert_not_null(yaml);
	cr_assert_eq(manifest_parse("f", yaml, strlen(yaml), &manifest, NULL),
		     0, "%s", yaml);
	cr_expect(cJSON_Compare(manifest.documents[0].json, value, true), "%s",
		  yaml);
	cr_expect_not_null(strstr(yaml, "a: \"yes\"\nb: \"1\"\nc: \"\"\n"),
			   "%s", yaml);
	cr_expect_not_null(strstr(yaml, "d: 1Gi\ne: []\nf: {}\ng:\n- h: 1\n"
					"  i: null\n"),
			   "%s", yaml);
	cr_expect_not_null(strstr(yaml, "m: \"2026-11-24T00:00:00Z\"\n"), "%s",
			   yaml);
}
