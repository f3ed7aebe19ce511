/* SPDX-License-Identifier: Apache-2.0 */

/* What a cluster's VolumeSnapshot has to say before anything is copied for it. */

#include <string.h>

#include <criterion/criterion.h>

#include "clone_source.h"

static const char *const drivers[] = { "nfs.claimfs.io" };

/* What the API server has; NULL = nothing. Each test is a process. */
static const char *snapshot_text;
static const char *content_text;

static int get_live(struct cluster *cluster, enum object_kind kind,
		    const char *namespace, const char *name,
		    struct object **ret, struct err *err)
{
	const char *text =
		kind == KIND_VOLUME_SNAPSHOT ? snapshot_text : content_text;

	(void)cluster;
	(void)namespace;
	cr_assert_str_eq(name, kind == KIND_VOLUME_SNAPSHOT ? "s" : "c");
	return text ? object_parse(ret, text, strlen(text), err)
		    : CLUSTER_NOT_FOUND;
}

#define SNAPSHOT(more)                                                    \
	"{\"apiVersion\":\"snapshot.storage.k8s.io/v1\","                 \
	"\"kind\":\"VolumeSnapshot\",\"metadata\":{\"namespace\":\"ns\"," \
	"\"name\":\"s\",\"uid\":\"u\"},\"status\":{" more "}}"
#define CONTENT(uid, driver, status)                                        \
	"{\"apiVersion\":\"snapshot.storage.k8s.io/v1\","                   \
	"\"kind\":\"VolumeSnapshotContent\",\"metadata\":{\"name\":\"c\"}," \
	"\"spec\":{\"driver\":\"" driver "\",\"volumeSnapshotRef\":{"       \
	"\"uid\":\"" uid "\",\"name\":\"s\",\"namespace\":\"ns\"}},"        \
	"\"status\":{" status "}}"
#define BOUND  "\"boundVolumeSnapshotContentName\":\"c\""
#define READY  BOUND ",\"readyToUse\":true"
#define HANDLE "\"snapshotHandle\":\"snap-1\""
#define OUR    "nfs.claimfs.io"

static const struct {
	const char *snapshot, *content;
	int code;
	const char *why; /* NULL = it has a handle */
} rows[] = {
	{ SNAPSHOT(READY), CONTENT("u", OUR, HANDLE), 0, NULL },
	{ NULL, NULL, -ENOENT, "error getting volumesnapshot s" },
	{ SNAPSHOT(""), NULL, -EAGAIN, "snapshot s not bound" },
	{ SNAPSHOT(BOUND), CONTENT("u", OUR, HANDLE), -EAGAIN,
	  "snapshot s is not Ready" },
	{ SNAPSHOT(READY), NULL, -ENOENT,
	  "error getting volumesnapshotcontent c" },
	{ SNAPSHOT(READY), CONTENT("other", OUR, HANDLE), -EAGAIN,
	  "snapshot s not bound" },
	{ SNAPSHOT(READY), CONTENT("u", "theirs", HANDLE), -EINVAL,
	  "snapshot s is of driver \"theirs\"" },
	{ SNAPSHOT(READY), CONTENT("u", OUR, ""), -EAGAIN,
	  "snapshot handle of s is not available" },
};

Test(clone_source, a_volume_snapshot_and_its_content_name_each_other)
{
	static const struct cluster_ops ops = { .get_live = get_live };
	const struct plan_world world = { .drivers = drivers, .n_drivers = 1 };
	struct cluster cluster = { .ops = &ops };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(free) char *handle = NULL;
		_cleanup_(err_fini) struct err err = ERR_INIT;
		int r;

		snapshot_text = rows[i].snapshot;
		content_text = rows[i].content;
		r = clone_snapshot_handle(&cluster, &world, "ns", "s", &handle,
					  &err);
		cr_expect_eq(r, rows[i].code, "row %zu: %d", i, r);
		if (!rows[i].why)
			cr_expect_str_eq(handle, "snap-1");
		else
			cr_expect(strstr(err_text(&err), rows[i].why),
				  "row %zu: %s", i, err_text(&err));
	}
}
