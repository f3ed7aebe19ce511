/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sentences marked "k8s" were answered, letter by letter, by a kube-apiserver
 * v1.36.2 for the same object.
 */

#include <string.h>

#include <criterion/criterion.h>

#include "object.h"
#include "validate.h"

static const char *const drivers[] = { "nfs.claimfs.io", "nfs.csi.k8s.io" };

static struct object *must_parse(const char *text)
{
	struct object *object = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0,
		     "%s: %s", text, err_text(&err));
	return object;
}

static void expect_valid(const char *text)
{
	_cleanup_(object_unref) struct object *object = must_parse(text);
	struct err err = ERR_INIT;

	cr_expect_eq(validate_create(object, drivers, 2, &err), 0, "%s: %s",
		     text, err_text(&err));
	cr_expect_eq(validate_update(object, object, drivers, 2, &err), 0,
		     "%s: %s", text, err_text(&err));
	err_fini(&err);
}

static void expect_fault(const char *text, const char *sentence)
{
	_cleanup_(object_unref) struct object *object = must_parse(text);
	struct err err = ERR_INIT;

	cr_expect_eq(validate_create(object, drivers, 2, &err), -EINVAL, "%s",
		     text);
	cr_expect_not_null(strstr(err_text(&err), sentence), "%s: %s", text,
			   err_text(&err));
	err_fini(&err);
}

static void expect_whole_fault(const char *text, const char *sentence)
{
	_cleanup_(object_unref) struct object *object = must_parse(text);
	struct err err = ERR_INIT;

	cr_expect_eq(validate_create(object, drivers, 2, &err), -EINVAL);
	cr_expect_str_eq(err_text(&err), sentence);
	err_fini(&err);
}

static int update(const char *old_text, const char *new_text, struct err *err)
{
	_cleanup_(object_unref) struct object *old = must_parse(old_text);
	_cleanup_(object_unref) struct object *new = must_parse(new_text);

	return validate_update(old, new, drivers, 2, err);
}

static void expect_update_fault(const char *old, const char *new,
				const char *sentence)
{
	struct err err = ERR_INIT;

	cr_expect_eq(update(old, new, &err), -EINVAL, "%s", new);
	cr_expect_not_null(strstr(err_text(&err), sentence), "%s: %s", new,
			   err_text(&err));
	err_fini(&err);
}

#define CLAIM_HEAD                                                   \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\"," \
	"\"metadata\":{\"name\":\"c\"},"
#define CLAIM(spec) CLAIM_HEAD "\"spec\":{" spec "}}"
#define RWX	    "\"accessModes\":[\"ReadWriteMany\"]"
#define REQUEST(q)  "\"resources\":{\"requests\":{\"storage\":" q "}}"
#define VOLUME(spec)                                            \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\"," \
	"\"metadata\":{\"name\":\"v\"},\"spec\":{" spec "}}"
#define GIB	  "\"capacity\":{\"storage\":\"1Gi\"}"
#define CSI(d, h) "\"csi\":{\"driver\":\"" d "\",\"volumeHandle\":\"" h "\"}"
#define CLASS(rest)                                                        \
	"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\"," \
	"\"metadata\":{\"name\":\"s\"}," rest "}"
#define OURS                                  \
	"\"provisioner\":\"nfs.csi.k8s.io\"," \
	"\"parameters\":{\"server\":\"h\",\"share\":\"/x\"}"
#define POD(spec)                                                                \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"}," \
	"\"spec\":{" spec "}}"

Test(validate, accepts_what_the_api_server_accepts)
{
	expect_valid(CLAIM(RWX "," REQUEST("\"1Gi\"")));
	expect_valid(CLAIM(RWX "," REQUEST("5")));
	expect_valid(CLAIM(RWX "," REQUEST(
		"\"1Gi\"") ",\"storageClassName\":\"\","
			   "\"volumeMode\":\"Block\",\"selector\":{\"matchLabels\":"
			   "{\"a\":\"b\"},\"matchExpressions\":[{\"key\":\"k\","
			   "\"operator\":\"Exists\"}]},\"unknown\":{\"x\":[]}"));
	expect_valid(VOLUME(RWX "," GIB "," CSI(
		"other.io", "h") ","
				 "\"mountOptions\":[\"whatever\"]"));
	expect_valid(VOLUME(RWX "," GIB ",\"nfs\":{\"server\":\"s\","
				"\"path\":\"/p\"}"));
	expect_valid(CLASS("\"provisioner\":\"other.io/x\","
			   "\"parameters\":{\"anything\":\"goes\"}"));
	expect_valid(CLASS(OURS ",\"mountOptions\":[\"nfsvers=4.1\",\"ro\"]"));
	expect_valid(POD("\"volumes\":[{\"name\":\"a\","
			 "\"persistentVolumeClaim\":{\"claimName\":\"c\"}},"
			 "{\"name\":\"b\",\"emptyDir\":{}}]"));
}

Test(validate, reports_all_faults_of_a_claim_as_the_api_server)
{
	/* k8s */
	expect_whole_fault(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"Bad_Name\"},\"spec\":{"
		"\"accessModes\":[]," REQUEST("\"-1\"") "}}",
		"[metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Invalid value: \"-1\": must be greater than zero]");
}

Test(validate, reports_all_faults_of_a_volume_as_the_api_server)
{
	/* k8s */
	expect_whole_fault(
		VOLUME("\"capacity\":{},\"accessModes\":[\"Nope\"]," CSI("",
									 "")),
		"[spec.accessModes: Unsupported value: \"Nope\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\", spec.capacity: Required value, spec.capacity: Unsupported value: {}: supported values: \"storage\", spec.csi.driver: Required value, spec.csi.volumeHandle: Required value]");
}

Test(validate, names_the_field_of_a_bad_claim)
{
	expect_fault(CLAIM_HEAD "\"spec\":null}", "spec: Required value");
	expect_fault(CLAIM_HEAD "\"spec\":7}",
		     "spec: Invalid value: 7: must be an object");
	expect_fault(CLAIM(RWX), "spec.resources[storage]: Required value");
	expect_fault(
		CLAIM(RWX "," REQUEST("\"1GiB\"")),
		"spec.resources[storage]: Invalid value: \"1GiB\": quantities must match the regular expression");
	expect_fault(CLAIM(RWX "," REQUEST("0")),
		     "Invalid value: \"0\": must be greater than zero");
	expect_fault(CLAIM(RWX "," REQUEST("true")),
		     "Invalid value: true: must be a quantity");
	expect_fault(
		CLAIM(REQUEST("1") ",\"accessModes\":"
				   "[\"ReadWriteOncePod\",\"ReadWriteMany\"]"),
		"spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes");
	expect_fault(CLAIM(REQUEST("1") ",\"accessModes\":[7]"),
		     "spec.accessModes: Unsupported value: 7: supported");
	expect_fault(
		CLAIM(RWX "," REQUEST("1") ",\"storageClassName\":5"),
		"spec.storageClassName: Invalid value: 5: must be a string");
	expect_fault(CLAIM(RWX "," REQUEST("1") ",\"storageClassName\":\"A\""),
		     "spec.storageClassName: Invalid value: \"A\"");
	expect_fault(
		CLAIM(RWX "," REQUEST("1") ",\"volumeMode\":\"Tape\""),
		"spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\"");
	expect_fault(
		CLAIM(RWX
		      "," REQUEST("1") ",\"selector\":"
				       "{\"matchExpressions\":[{\"key\":\"a\","
				       "\"operator\":\"Like\"}]}"),
		"spec.selector: matchExpressions: operator: Invalid value: \"Like\"");
}

Test(validate, checks_metadata)
{
	static const char claim[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"c\",%s},"
		"\"spec\":{" RWX "," REQUEST("1") "}}";
	static const struct {
		const char *field;
		const char *sentence;
	} table[] = {
		{ "\"namespace\":\"a.b\"",
		  "metadata.namespace: Invalid value: \"a.b\": a lowercase RFC 1123 label" },
		{ "\"labels\":{\"a b\":\"c\"}",
		  "metadata.labels: Invalid value: \"a b\": name part" },
		{ "\"labels\":{\"A_B/c\":\"c\"}",
		  "metadata.labels: Invalid value: \"A_B/c\": prefix part" },
		{ "\"labels\":{\"a\":\"-\"}",
		  "metadata.labels: Invalid value: \"-\": a valid label" },
		{ "\"labels\":{\"a\":1}",
		  "metadata.labels: Invalid value: 1: must be a string" },
		{ "\"labels\":[]", "metadata.labels: Invalid value: []" },
		{ "\"annotations\":{\"\":\"c\"}",
		  "metadata.annotations: Invalid value: \"\": name part" },
		{ "\"finalizers\":[\"a/b/c\"]",
		  "metadata.finalizers: Invalid value: \"a/b/c\"" },
		{ "\"generateName\":\"-x\"",
		  "metadata.generateName: Invalid value: \"-x\"" },
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		(void)snprintf(text, sizeof(text), claim, table[i].field);
		expect_fault(text, table[i].sentence);
	}
}

Test(validate, names_the_field_of_a_bad_volume)
{
	expect_fault(VOLUME(RWX "," GIB),
		     "spec: Required value: must specify a volume type");
	expect_fault(
		VOLUME(RWX "," GIB "," CSI("a", "b") ",\"nfs\":{}"),
		"spec.nfs: Forbidden: may not specify more than 1 volume type");
	expect_fault(
		VOLUME(RWX "," GIB ",\"nfs\":{\"server\":\"s\","
			   "\"path\":\"p\"}"),
		"spec.nfs.path: Invalid value: \"p\": must be an absolute path");
	expect_fault(
		VOLUME(RWX "," GIB "," CSI(
			"a", "b") ","
				  "\"persistentVolumeReclaimPolicy\":\"Burn\""),
		"supported values: \"Delete\", \"Recycle\", \"Retain\"");
	expect_fault(VOLUME(RWX "," GIB "," CSI("nfs.csi.k8s.io", "h")),
		     "spec.csi.volumeAttributes: server: Required value");
	expect_fault(
		VOLUME(RWX
		       "," GIB ",\"csi\":{\"driver\":\"nfs.claimfs.io\","
		       "\"volumeHandle\":\"h\",\"volumeAttributes\":"
		       "{\"server\":\"h\",\"share\":\"/x\",\"subDir\":\"../y\"}}"),
		"spec.csi.volumeAttributes: subDir: Invalid value: \"../y\"");
	expect_fault(VOLUME(RWX "," GIB "," CSI(
			     "a", "0123456789012345678901234567890123456789"
				  "0123456789012345678901234567890123456789"
				  "0123456789012345678901234567890123456789"
				  "012345678")),
		     "must be no more than 128 bytes");
}

Test(validate, names_the_field_of_a_bad_class)
{
	expect_fault(CLASS("\"x\":1"), "provisioner: Required value");
	expect_fault(
		CLASS(OURS ",\"reclaimPolicy\":\"Recycle\""),
		"reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"");
	expect_fault(CLASS(OURS ",\"volumeBindingMode\":\"Later\""),
		     "volumeBindingMode: Unsupported value: \"Later\"");
	expect_fault(
		CLASS(OURS ",\"allowVolumeExpansion\":\"yes\""),
		"allowVolumeExpansion: Invalid value: \"yes\": must be true or false");
	expect_fault(
		CLASS(OURS ",\"mountOptions\":[\"sec=krb5\"]"),
		"mountOptions: Invalid value: \"sec=krb5\": mount option \"sec=krb5\" is not implemented");
	expect_fault(
		CLASS("\"provisioner\":\"nfs.claimfs.io\","
		      "\"parameters\":{\"server\":\"h\",\"share\":\"/x\","
		      "\"speed\":\"high\"}"),
		"parameters: invalid parameter \"speed\"; allowed: server");
	expect_fault(CLASS("\"provisioner\":\"nfs.claimfs.io\","
			   "\"parameters\":{\"server\":1}"),
		     "parameters: server: Invalid value: 1: must be a string");
}

Test(validate, names_the_field_of_a_bad_pod)
{
	expect_fault(POD("\"volumes\":[{}]"),
		     "spec.volumes[0].name: Required value");
	expect_fault(POD("\"volumes\":[{\"name\":\"a\"},{\"name\":\"a\"}]"),
		     "spec.volumes[1].name: Duplicate value: \"a\"");
	expect_fault(
		POD("\"volumes\":[{\"name\":\"a\","
		    "\"persistentVolumeClaim\":{}}]"),
		"spec.volumes[0].persistentVolumeClaim.claimName: Required value");
	expect_fault(
		POD("\"volumes\":[{\"name\":\"a\","
		    "\"persistentVolumeClaim\":{\"claimName\":\"c\","
		    "\"readOnly\":\"no\"}}]"),
		"spec.volumes[0].persistentVolumeClaim: readOnly: Invalid value");
	expect_fault(POD("\"volumes\":[7]"),
		     "spec.volumes[0]: Invalid value: 7: must be an object");
	expect_fault(POD("\"nodeName\":\"A B\""),
		     "spec.nodeName: Invalid value: \"A B\"");
}

#define IMMUTABLE "spec: Forbidden: spec is immutable after creation except"
#define BOUND(spec)                                                       \
	CLAIM_HEAD "\"spec\":{" spec "},\"status\":{\"phase\":\"Bound\"," \
		   "\"capacity\":{\"storage\":\"1Gi\"}}}"

Test(validate, a_stored_claim_changes_only_where_it_may)
{
	static const char plain[] = CLAIM(RWX "," REQUEST("\"1Gi\""));

	cr_expect_eq(
		update(plain,
		       CLAIM(RWX "," REQUEST(
			       "\"1024Mi\"") ","
					     "\"volumeName\":\"pv\",\"storageClassName\":"
					     "\"nfs\",\"volumeMode\":\"Filesystem\""),
		       NULL),
		0, "binding and defaulting fill in what was absent");
	cr_expect_eq(update(BOUND(RWX "," REQUEST("\"1Gi\"")),
			    BOUND(RWX "," REQUEST("\"2Gi\"")), NULL),
		     0, "a bound claim may grow");
	expect_update_fault(plain, CLAIM(RWX "," REQUEST("\"2Gi\"")),
			    IMMUTABLE);
	expect_update_fault(plain,
			    CLAIM(REQUEST("\"1Gi\"") ",\"accessModes\":"
						     "[\"ReadWriteOnce\"]"),
			    IMMUTABLE);
	expect_update_fault(
		BOUND(RWX "," REQUEST("\"1Gi\"") ","
						 "\"volumeName\":\"a\""),
		BOUND(RWX "," REQUEST("\"1Gi\"") ","
						 "\"volumeName\":\"b\""),
		IMMUTABLE);
	expect_update_fault(
		CLAIM(RWX "," REQUEST("1") ",\"storageClassName\":\"\""),
		CLAIM(RWX "," REQUEST("1") ",\"storageClassName\":\"a\""),
		IMMUTABLE);
	expect_update_fault(
		BOUND(RWX "," REQUEST("\"1Gi\"")),
		BOUND(RWX "," REQUEST("\"512Mi\"")),
		"spec.resources.requests.storage: Forbidden: field can not be less than status.capacity");
	expect_update_fault(
		BOUND(RWX "," REQUEST("\"3Gi\"")),
		BOUND(RWX "," REQUEST("\"1Gi\"")),
		"spec.resources.requests.storage: Forbidden: field can not be less than status.capacity");
	cr_expect_eq(update(BOUND(RWX "," REQUEST("\"3Gi\"")),
			    BOUND(RWX "," REQUEST("\"2Gi\"")), NULL),
		     0, "an expansion that did not happen may be taken back");
}

Test(validate, sources_and_classes_are_immutable)
{
	static const char volume[] =
		VOLUME(RWX "," GIB "," CSI("other.io", "h"));

	expect_update_fault(
		volume, VOLUME(RWX "," GIB "," CSI("other.io", "h2")),
		"spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation");
	expect_update_fault(
		volume,
		VOLUME(RWX "," GIB
			   "," CSI("other.io", "h") ","
						    "\"volumeMode\":\"Block\""),
		"spec.volumeMode: Invalid value: \"Block\": field is immutable");
	cr_expect_eq(
		update(volume,
		       VOLUME(RWX ",\"capacity\":{\"storage\":\"2Gi\"}," CSI(
			       "other.io",
			       "h") ","
				    "\"persistentVolumeReclaimPolicy\":"
				    "\"Retain\""),
		       NULL),
		0, "capacity and reclaim policy may change");
	/* k8s */
	expect_update_fault(
		CLASS(OURS),
		CLASS("\"provisioner\":\"nfs.csi.k8s.io\",\"parameters\":"
		      "{\"server\":\"nfs.example\",\"share\":\"/other\"}"),
		"parameters: Invalid value: {\"server\":\"nfs.example\",\"share\":\"/other\"}: field is immutable");
	expect_update_fault(
		CLASS(OURS), CLASS(OURS ",\"reclaimPolicy\":\"Retain\""),
		"reclaimPolicy: Invalid value: \"Retain\": field is immutable");
	cr_expect_eq(update(CLASS(OURS),
			    CLASS(OURS ",\"reclaimPolicy\":\"Delete\","
				       "\"volumeBindingMode\":\"Immediate\""),
			    NULL),
		     0, "a default that is written out is no change");
}
