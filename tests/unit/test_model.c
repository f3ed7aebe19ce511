/* SPDX-License-Identifier: Apache-2.0 */

/* Objects, what they decode to, and selectors. */

#include <pthread.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "json_field.h"
#include "model_decode.h"

static struct object *must_parse(const char *text)
{
	struct object *object = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0,
		     "%s: %s", text, err_text(&err));
	return object;
}

Test(model, an_object_knows_its_identity_and_keeps_the_rest)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":\"7\"},"
		"\"extra\":[1]}");

	cr_expect_eq(object->kind, KIND_POD);
	cr_expect_str_eq(object->namespace, "default");
	cr_expect_str_eq(object->name, "p");
	cr_expect_str_eq(object->uid, "u");
	cr_expect_eq(object->resource_version, 7);
	cr_expect_str_eq(object->text,
			 "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
			 "{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":"
			 "\"7\",\"namespace\":\"default\"},\"extra\":[1]}");
}

Test(model, a_cluster_scoped_object_loses_its_namespace)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\","
		"\"metadata\":{\"name\":\"v\",\"namespace\":\"x\"}}");

	cr_expect_str_eq(object->namespace, "");
	cr_expect_null(strstr(object->text, "namespace"));
}

Test(model, refuses_what_is_no_object)
{
	static const struct {
		const char *text;
		const char *sentence;
	} table[] = {
		{ "", "JSON syntax error in line 1" },
		{ "{\"kind\":\n\"Pod\",,}", "JSON syntax error in line 2" },
		{ "{} {}", "text after the end of the JSON" },
		{ "[]", "the object is not a JSON object" },
		{ "{\"apiVersion\":\"v1\"}", "kind: Required value" },
		{ "{\"kind\":\"Pod\"}", "apiVersion: Required value" },
		{ "{\"kind\":1,\"apiVersion\":\"v1\"}",
		  "kind: Invalid value: 1: must be a string" },
		{ "{\"kind\":\"Gadget\",\"apiVersion\":\"v1\"}",
		  "no matches for kind \"Gadget\" in version \"v1\"" },
		{ "{\"kind\":\"StorageClass\",\"apiVersion\":\"v1\"}",
		  "no matches for kind \"StorageClass\" in version \"v1\"" },
		{ "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}",
		  "metadata: Required value" },
		{ "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{}}",
		  "metadata.name: Required value" },
		{ "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
		  "{\"name\":\"a\",\"namespace\":7}}",
		  "metadata.namespace: Invalid value" },
		{ "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
		  "{\"name\":\"a\",\"resourceVersion\":\"x\"}}",
		  "metadata.resourceVersion: Invalid value: \"x\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct object *object = NULL;
		struct err err = ERR_INIT;

		cr_expect_eq(object_parse(&object, table[i].text,
					  strlen(table[i].text), &err),
			     -EINVAL, "%s", table[i].text);
		cr_expect_not_null(strstr(err_text(&err), table[i].sentence),
				   "%s: %s", table[i].text, err_text(&err));
		err_fini(&err);
	}
}

static bool is_equal(const char *a_text, const char *b_text)
{
	cJSON *a = cJSON_Parse(a_text);
	cJSON *b = cJSON_Parse(b_text);
	bool is = json_is_equal(a, b);

	cr_expect_eq(json_is_equal(b, a), is, "%s %s", a_text, b_text);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return is;
}

Test(model, equality_ignores_the_order_of_members_only)
{
	cr_expect(is_equal("{\"a\":1,\"b\":[1,{}]}", "{\"b\":[1,{}],\"a\":1}"));
	cr_expect_not(is_equal("{\"a\":1}", "{\"a\":1,\"b\":null}"));
	cr_expect_not(is_equal("{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":1}"));
	cr_expect_not(is_equal("[1,2]", "[2,1]"));
	cr_expect_not(is_equal("[1]", "[1,2]"));
	cr_expect_not(is_equal("{}", "[]"));
	cr_expect_not(is_equal("\"1\"", "1"));
}

Test(model, equality_takes_no_longer_for_depth, .timeout = 10)
{
	char text[8 * 500];
	size_t len = 0;

	for (unsigned int i = 0; i < 500; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"{\"a\":");
	text[len++] = '1';
	memset(text + len, '}', 500);
	text[len + 500] = '\0';
	cr_expect(is_equal(text, text));
}

Test(model, kinds_are_found_by_what_people_type)
{
	static const struct {
		const char *word;
		enum object_kind kind;
	} table[] = {
		{ "pvc", KIND_CLAIM },
		{ "PersistentVolumeClaim", KIND_CLAIM },
		{ "persistentvolumeclaims", KIND_CLAIM },
		{ "PV", KIND_PERSISTENT_VOLUME },
		{ "sc", KIND_STORAGE_CLASS },
		{ "po", KIND_POD },
		{ "events", KIND_EVENT },
	};
	enum object_kind kind;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cr_expect_eq(object_kind_from_word(table[i].word, &kind), 0);
		cr_expect_eq(kind, table[i].kind);
	}
	cr_expect_eq(object_kind_from_word("gadget", &kind), -ENOENT);
}

static void *ref_and_unref(void *userdata)
{
	struct object *object = userdata;

	for (unsigned int i = 0; i < 100000; i++)
		object_unref(object_ref(object));
	return NULL;
}

Test(model, objects_are_counted_across_threads)
{
	_cleanup_(object_unref) struct object *object =
		must_parse("{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
			   "\"metadata\":{\"name\":\"p\"}}");
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, ref_and_unref,
					    object),
			     0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	cr_expect_eq(atomic_load(&object->n_refs), 1);
}

Test(model, decodes_a_class)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"StorageClass\",\"apiVersion\":\"storage.k8s.io/v1\","
		"\"metadata\":{\"name\":\"nfs\",\"creationTimestamp\":"
		"\"2026-11-23T19:42:42Z\",\"annotations\":"
		"{\"storageclass.kubernetes.io/is-default-class\":\"true\"}},"
		"\"provisioner\":\"p\",\"parameters\":{\"server\":\"s\"},"
		"\"reclaimPolicy\":\"Retain\",\"volumeBindingMode\":"
		"\"WaitForFirstConsumer\",\"mountOptions\":[\"ro\",\"soft\"]}");
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };

	cr_assert_eq(storage_class_decode(object, &class, NULL), 0);
	cr_expect_str_eq(class.meta.name, "nfs");
	cr_expect_eq(class.meta.creation_s, 1795462962);
	cr_expect_str_eq(class.provisioner, "p");
	cr_expect_str_eq(labels_get(&class.parameters, "server"), "s");
	cr_expect_null(labels_get(&class.parameters, "share"));
	cr_expect_eq(class.reclaim, RECLAIM_RETAIN);
	cr_expect_eq(class.binding, BINDING_WAIT_FOR_FIRST_CONSUMER);
	cr_expect_eq(class.n_mount_options, 2);
	cr_expect_str_eq(class.mount_options[1], "soft");
	cr_expect(class.is_default);
	cr_expect_not(class.allows_expansion);
}

Test(model, a_default_class_is_known_by_its_old_annotation_too)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"StorageClass\",\"apiVersion\":\"storage.k8s.io/v1\","
		"\"metadata\":{\"name\":\"nfs\",\"annotations\":"
		"{\"storageclass.beta.kubernetes.io/is-default-class\":\"true\"}},"
		"\"provisioner\":\"p\"}");
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };

	cr_assert_eq(storage_class_decode(object, &class, NULL), 0);
	cr_expect(class.is_default);
}

Test(model, decodes_a_volume)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\","
		"\"metadata\":{\"name\":\"v\",\"deletionTimestamp\":"
		"\"2026-11-23T19:42:42Z\",\"finalizers\":[\"a\",\"b\"]},"
		"\"spec\":{\"capacity\":{\"storage\":\"1.5Gi\"},"
		"\"accessModes\":[\"ReadWriteMany\",\"ReadOnlyMany\"],"
		"\"claimRef\":{\"namespace\":\"n\",\"name\":\"c\"},"
		"\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\","
		"\"volumeAttributes\":{\"share\":\"/x\"}}},"
		"\"status\":{\"phase\":\"Released\"}}");
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };

	cr_assert_eq(persistent_volume_decode(object, &pv, NULL), 0);
	cr_expect(pv.meta.is_deleting);
	cr_expect(meta_has_finalizer(&pv.meta, "b"));
	cr_expect_not(meta_has_finalizer(&pv.meta, "c"));
	cr_expect_eq(pv.phase, PV_RELEASED);
	cr_expect_eq(pv.capacity, 1610612736);
	cr_expect_eq(pv.access_modes, ACCESS_RWX | ACCESS_ROX);
	cr_expect_eq(pv.first_access_mode, ACCESS_RWX);
	cr_expect_eq(pv.reclaim, RECLAIM_RETAIN, "as for a PV made by hand");
	cr_expect(pv.claim_ref.is_set);
	cr_expect_str_eq(pv.claim_ref.namespace, "n");
	cr_expect_str_eq(pv.claim_ref.uid, "");
	cr_expect_str_eq(pv.handle, "h");
	cr_expect_str_eq(labels_get(&pv.attributes, "share"), "/x");
	cr_expect_str_eq(pv.class_name, "");
}

static void expect_class(const char *fields, bool has_class, const char *name)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":"
		       "\"v1\",\"metadata\":{\"name\":\"c\"%s}}",
		       fields);
	object = must_parse(text);
	cr_assert_eq(claim_decode(object, &claim, NULL), 0);
	cr_expect_eq(claim.has_class, has_class, "%s", fields);
	cr_expect_str_eq(claim.class_name, name);
}

Test(model, tells_no_class_from_an_empty_one)
{
	expect_class("},\"spec\":{", false, "");
	expect_class("},\"spec\":{\"storageClassName\":null", false, "");
	expect_class("},\"spec\":{\"storageClassName\":\"\"", true, "");
	expect_class("},\"spec\":{\"storageClassName\":\"a\"", true, "a");
	expect_class(",\"annotations\":{\"volume.beta.kubernetes.io/"
		     "storage-class\":\"b\"}},\"spec\":{\"x\":1",
		     true, "b");
}

static uint64_t resize_target(const char *statuses)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":"
		       "\"v1\",\"metadata\":{\"name\":\"c\"},\"status\":{"
		       "\"allocatedResources\":{\"storage\":\"2Gi\"}%s}}",
		       statuses);
	object = must_parse(text);
	cr_assert_eq(claim_decode(object, &claim, NULL), 0);
	return claim.resize_target;
}

Test(model, an_expansion_goes_on_while_the_status_says_so)
{
	cr_expect_eq(
		resize_target(",\"allocatedResourceStatuses\":{\"storage\":"
			      "\"ControllerResizeInProgress\"}"),
		2ull << 30);
	cr_expect_eq(resize_target(""), 0, "what was allocated stays there");
}

Test(model, decodes_the_volumes_of_a_pod)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"volumes\":["
		"{\"name\":\"a\",\"persistentVolumeClaim\":"
		"{\"claimName\":\"c\",\"readOnly\":true}},"
		"{\"name\":\"b\",\"emptyDir\":{}}]}}");
	_cleanup_(pod_fini) struct pod pod = { 0 };

	cr_assert_eq(pod_decode(object, &pod, NULL), 0);
	cr_expect_str_eq(pod.node_name, "n");
	cr_expect_eq(pod.n_volumes, 2);
	cr_expect_str_eq(pod.volumes[0].claim_name, "c");
	cr_expect(pod.volumes[0].is_read_only);
	cr_expect_str_eq(pod.volumes[1].claim_name, "");
}

Test(model, a_bad_record_is_named_by_path_and_leaves_nothing)
{
	_cleanup_(object_unref) struct object *object = must_parse(
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
		"{\"name\":\"p\"},\"spec\":{\"volumes\":[{\"name\":\"a\","
		"\"persistentVolumeClaim\":{\"claimName\":7}}]}}");
	struct pod pod = { 0 };
	struct err err = ERR_INIT;

	cr_expect_eq(pod_decode(object, &pod, &err), -EINVAL);
	cr_expect_str_eq(
		err_text(&err),
		"spec.volumes[0]: persistentVolumeClaim.claimName: Invalid value: 7: must be a string");
	cr_expect_null(pod.meta.name);
	err_fini(&err);
}

static bool matches(const char *selector)
{
	static const char form[] =
		"{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\","
		"\"metadata\":{\"name\":\"c\"},\"spec\":{\"selector\":%s}}";
	struct label items[] = { { (char *)"tier", (char *)"fast" },
				 { (char *)"empty", (char *)"" } };
	struct labels labels = { items, ARRAY_SIZE(items) };
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	char text[512];

	(void)snprintf(text, sizeof(text), form, selector);
	object = must_parse(text);
	cr_assert_eq(claim_decode(object, &claim, NULL), 0, "%s", selector);
	return selector_matches(&claim.selector, &labels);
}

#define TERM(key, op, values)                                            \
	"{\"matchExpressions\":[{\"key\":\"" key "\",\"operator\":\"" op \
	"\",\"values\":" values "}]}"

Test(model, selectors_match_as_in_kubernetes)
{
	cr_expect(matches("null"));
	cr_expect(matches("{}"));
	cr_expect(matches("{\"matchLabels\":{\"tier\":\"fast\"}}"));
	cr_expect_not(matches("{\"matchLabels\":{\"tier\":\"slow\"}}"));
	cr_expect(matches("{\"matchLabels\":{\"empty\":\"\"}}"));
	cr_expect_not(matches("{\"matchLabels\":{\"absent\":\"\"}}"));
	cr_expect(matches(TERM("tier", "In", "[\"slow\",\"fast\"]")));
	cr_expect_not(matches(TERM("absent", "In", "[\"x\"]")));
	cr_expect(matches(TERM("tier", "NotIn", "[\"slow\"]")));
	cr_expect_not(matches(TERM("tier", "NotIn", "[\"fast\"]")));
	cr_expect(matches(TERM("absent", "NotIn", "[\"x\"]")));
	cr_expect(matches(TERM("tier", "Exists", "[]")));
	cr_expect_not(matches(TERM("absent", "Exists", "[]")));
	cr_expect(matches(TERM("absent", "DoesNotExist", "[]")));
	cr_expect_not(matches(TERM("tier", "DoesNotExist", "[]")));
	cr_expect_not(matches("{\"matchLabels\":{\"tier\":\"fast\"},"
			      "\"matchExpressions\":[{\"key\":\"tier\","
			      "\"operator\":\"DoesNotExist\"}]}"));
}
