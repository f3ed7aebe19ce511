/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "api_patch.h"

struct patch_case {
	enum api_patch_type type;
	const char *target;
	const char *patch;
	const char *result; /* NULL = an error of this code */
	int code;
};

static const struct patch_case cases[] = {
	/* RFC 7386, appendix A */
	{ API_PATCH_MERGE, "{'a':'b'}", "{'a':'c'}", "{'a':'c'}", 0 },
	{ API_PATCH_MERGE, "{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}", 0 },
	{ API_PATCH_MERGE, "{'a':'b'}", "{'a':null}", "{}", 0 },
	{ API_PATCH_MERGE, "{'a':['b']}", "{'a':'c'}", "{'a':'c'}", 0 },
	{ API_PATCH_MERGE, "{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}",
	  "{'a':{'b':'d'}}", 0 },
	{ API_PATCH_MERGE, "{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}", 0 },
	{ API_PATCH_MERGE, "{'e':null}", "{'a':1}", "{'a':1,'e':null}", 0 },
	{ API_PATCH_MERGE, "{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}",
	  0 },
	{ API_PATCH_MERGE, "{}", "[1]", NULL, -EINVAL },
	{ API_PATCH_MERGE, "{'finalizers':['a']}", "{'finalizers':['b']}",
	  "{'finalizers':['b']}", 0 },
	/* strategic */
	{ API_PATCH_STRATEGIC, "{'finalizers':['a']}",
	  "{'finalizers':['b','a'],'$setElementOrder/finalizers':['b','a']}",
	  "{'finalizers':['a','b']}", 0 },
	{ API_PATCH_STRATEGIC, "{'finalizers':['a','b']}",
	  "{'$deleteFromPrimitiveList/finalizers':['a']}",
	  "{'finalizers':['b']}", 0 },
	{ API_PATCH_STRATEGIC, "{'volumes':[{'name':'v','x':1}]}",
	  "{'volumes':[{'name':'v','y':2},{'name':'w'}]}",
	  "{'volumes':[{'name':'v','x':1,'y':2},{'name':'w'}]}", 0 },
	{ API_PATCH_STRATEGIC, "{'volumes':[{'name':'v'},{'name':'w'}]}",
	  "{'volumes':[{'name':'v','$patch':'delete'}]}",
	  "{'volumes':[{'name':'w'}]}", 0 },
	{ API_PATCH_STRATEGIC, "{'accessModes':['a']}", "{'accessModes':['b']}",
	  "{'accessModes':['b']}", 0 },
	{ API_PATCH_STRATEGIC, "{'a':{'b':1,'c':2}}",
	  "{'a':{'$retainKeys':['b']}}", "{'a':{'b':1}}", 0 },
	{ API_PATCH_STRATEGIC, "{'a':{'b':1}}",
	  "{'a':{'$patch':'replace','c':2}}", "{'a':{'c':2}}", 0 },
	/* RFC 6902, appendix A */
	{ API_PATCH_JSON, "{'foo':'bar'}",
	  "[{'op':'add','path':'/baz','value':'qux'}]",
	  "{'baz':'qux','foo':'bar'}", 0 },
	{ API_PATCH_JSON, "{'foo':['bar','baz']}",
	  "[{'op':'add','path':'/foo/1','value':'qux'}]",
	  "{'foo':['bar','qux','baz']}", 0 },
	{ API_PATCH_JSON, "{'foo':['bar']}",
	  "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
	  "{'foo':['bar',['abc','def']]}", 0 },
	{ API_PATCH_JSON, "{'foo':['bar','qux','baz']}",
	  "[{'op':'remove','path':'/foo/1'}]", "{'foo':['bar','baz']}", 0 },
	{ API_PATCH_JSON, "{'foo':{'bar':'baz','waldo':'fred'},'qux':{}}",
	  "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
	  "{'foo':{'bar':'baz'},'qux':{'thud':'fred'}}", 0 },
	{ API_PATCH_JSON, "{'baz':'qux'}",
	  "[{'op':'test','path':'/baz','value':'bar'}]", NULL, -EBADMSG },
	{ API_PATCH_JSON, "{'/':9,'~1':10}",
	  "[{'op':'test','path':'/~01','value':10},{'op':'replace','path':'/~1','value':8}]",
	  "{'/':8,'~1':10}", 0 },
	{ API_PATCH_JSON, "{'foo':'bar'}",
	  "[{'op':'add','path':'/baz/bat','value':'qux'}]", NULL, -EBADMSG },
	{ API_PATCH_JSON, "{'foo':[1]}",
	  "[{'op':'add','path':'/foo/01','value':2}]", NULL, -EBADMSG },
	{ API_PATCH_JSON, "{'foo':[1]}",
	  "[{'op':'add','path':'/foo/2','value':2}]", NULL, -EBADMSG },
	{ API_PATCH_JSON, "{}", "[{'op':'remove','path':''}]", NULL, -EBADMSG },
	{ API_PATCH_JSON, "{}", "[{'op':'dance','path':''}]", NULL, -EINVAL },
	{ API_PATCH_JSON, "{}", "{}", NULL, -EINVAL },
};

static cJSON *parse(const char *text)
{
	char *json = strdup(text);
	cJSON *parsed;

	for (char *p = json; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	parsed = cJSON_Parse(json);
	cr_assert_not_null(parsed, "%s", text);
	free(json);
	return parsed;
}

Test(api_patch, patches_do_what_their_standards_say)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct patch_case *c = &cases[i];
		cJSON *target = parse(c->target), *patch = parse(c->patch);
		struct err err = ERR_INIT;
		int r = api_patch_apply(&target, c->type, patch, &err);

		cr_assert_eq(r, c->code, "%s + %s: %s", c->target, c->patch,
			     err_text(&err));
		if (c->result) {
			cJSON *expected = parse(c->result);

			cr_assert(cJSON_Compare(target, expected, true),
				  "%s + %s = %s", c->target, c->patch,
				  cJSON_PrintUnformatted(target));
			cJSON_Delete(expected);
		}
		err_fini(&err);
		cJSON_Delete(target);
		cJSON_Delete(patch);
	}
}

Test(api_patch, copies_are_limited)
{
	cJSON *target = parse("{'a':[1,2,3,4]}");
	cJSON *patch = cJSON_CreateArray();

	for (int i = 0; i < 64; i++)
		(void)cJSON_AddItemToArray(
			patch,
			parse("{'op':'copy','from':'/a','path':'/a/-'}"));
	cr_assert_eq(api_patch_apply(&target, API_PATCH_JSON, patch, NULL),
		     -EINVAL);
	cJSON_Delete(target);
	cJSON_Delete(patch);
}

/* n objects in each other. */
static cJSON *a_tower(int n)
{
	cJSON *json = cJSON_CreateObject();

	while (--n > 0) {
		cJSON *outer = cJSON_CreateObject();

		cr_assert(cJSON_AddItemToObject(outer, "x", json));
		json = outer;
	}
	return json;
}

/* Comparing each level twice would take longer than the world has. */
Test(api_patch, deep_values_are_compared_in_time, .timeout = 20)
{
	cJSON *target = cJSON_CreateObject();
	cJSON *patch = cJSON_Parse("[{\"op\":\"test\",\"path\":\"/a\"}]");
	cJSON *strategic = cJSON_Parse("{\"finalizers\":[]}");

	cJSON_AddItemToObject(target, "a", a_tower(500));
	cJSON_AddItemToObject(patch->child, "value", a_tower(500));
	cJSON_AddItemToArray(strategic->child, a_tower(500));
	cJSON_AddItemToArray(strategic->child, a_tower(500));
	cr_assert_eq(api_patch_apply(&target, API_PATCH_JSON, patch, NULL), 0);
	cr_assert_eq(
		api_patch_apply(&target, API_PATCH_STRATEGIC, strategic, NULL),
		0);
	cr_assert_eq(
		cJSON_GetArraySize(cJSON_GetObjectItem(target, "finalizers")),
		1);
	cJSON_Delete(target);
	cJSON_Delete(patch);
	cJSON_Delete(strategic);
}
