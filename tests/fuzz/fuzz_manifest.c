/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer target for what people write: the first byte chooses a quantity or a
 * manifest. What is read is written and read again, and has to be the same; a
 * document that is an object goes through validation.
 */

#include <assert.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "manifest.h"
#include "object.h"
#include "quantity.h"
#include "validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_quantity(const char *text)
{
	char canonical[QUANTITY_MAX];
	uint64_t amount, again;

	if (quantity_parse(text, &amount, NULL) < 0)
		return;
	quantity_format(amount, canonical);
	assert(quantity_parse(canonical, &again, NULL) == 0);
	assert(amount == again);
}

static void validate(const cJSON *json)
{
	static const char *const drivers[] = { "nfs.claimfs.io" };
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *copy = cJSON_Duplicate(json, true);

	if (copy && object_new(&object, copy, &err) == 0)
		(void)validate_create(object, drivers, ARRAY_SIZE(drivers),
				      &err);
}

static void try_document(const cJSON *json)
{
	_cleanup_(manifest_fini) struct manifest again = { 0 };
	_cleanup_(free) char *yaml = manifest_to_yaml(json);

	assert(yaml);
	validate(json);
	assert(manifest_parse("yaml", yaml, strlen(yaml), &again, NULL) == 0);
	assert(again.n == 1);
	assert(json_is_equal(json, again.documents[0].json));
}

static void try_manifest(const char *text, size_t len)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (manifest_parse("input", text, len, &manifest, &err) < 0)
		return;
	for (size_t i = 0; i < manifest.n; i++)
		try_document(manifest.documents[i].json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(free) char *text = NULL;

	if (len < 1)
		return 0;
	text = strndup((const char *)data + 1, len - 1);
	if (data[0] == 'q')
		try_quantity(text);
	else
		try_manifest(text, strlen(text));
	return 0;
}
