/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reconciler over the real record and registry, with a share that fails when
 * it is told to. Waiting is for changes of the record, never for time.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "clock.h"
#include "json_field.h"
#include "reconcile.h"
#include "registry.h"
#include "watch_hub.h"

#define PATIENCE_NS (20 * NS_PER_S)
#define MANY	    1000 /* failures, until the test has seen enough */
#define TOGETHER    3

static char dir[64];
static struct store *store;
static struct watch_hub *hub;
static struct registry *registry;
static struct reconciler *reconciler;

/* --- a share that can fail ------------------------------------------------------ */

static atomic_int makes, reclaims, scrubs, failures_left;
static int reclaim_outcome;
static atomic_int n_volumes_at_forget = -1;
static sem_t forgotten;
static pthread_barrier_t *together; /* nobody reclaims before all do */
static enum on_delete last_how;
static char last_path[256];
static char *_Atomic owner; /* of all directories: the volume's name */
static const char *owner_claim = "", *owner_phase = "";

static int fail_or(int outcome, const struct share_volume *volume,
		   struct err *err)
{
	(void)snprintf(last_path, sizeof(last_path), "%s", volume->path);
	if (atomic_load(&failures_left) <= 0)
		return outcome;
	(void)atomic_fetch_sub(&failures_left, 1);
	return err_set(err, -EIO, "the share is on fire");
}

static int fake_make(const struct share_volume *volume,
		     struct share_owner *ret_owner, struct err *err)
{
	char *other = atomic_load(&owner);

	(void)atomic_fetch_add(&makes, 1);
	if (other && strcmp(other, volume->name) != 0) {
		*ret_owner = (struct share_owner){
			.volume = strdup(other),
			.claim_namespace = strdup("default"),
			.claim_name = strdup(owner_claim),
			.phase = strdup(owner_phase),
		};
		return SHARE_TAKEN;
	}
	return fail_or(0, volume, err);
}

static int fake_reclaim(const struct share_volume *volume, enum on_delete how,
			struct err *err)
{
	last_how = how;
	(void)atomic_fetch_add(&reclaims, 1);
	if (together)
		(void)pthread_barrier_wait(together);
	if (reclaim_outcome < 0 || reclaim_outcome == SHARE_FOREIGN)
		(void)err_set(err, -EPERM, "it is somebody else's");
	return fail_or(reclaim_outcome, volume, err);
}

static int fake_scrub(const struct share_volume *volume, uint64_t deadline_ns,
		      struct err *err)
{
	(void)atomic_fetch_add(&scrubs, 1);
	return fail_or(0, volume, err);
}

static int fake_describe(const struct share_volume *volume, struct err *err)
{
	return fail_or(0, volume, err);
}

static int count_living_volumes(void);

static int fake_forget(const struct share_volume *volume, const char *name,
		       struct err *err)
{
	n_volumes_at_forget = count_living_volumes();
	atomic_store(&owner, NULL);
	(void)sem_post(&forgotten);
	return 0;
}

static const struct share_ops fake_share = { .make = fake_make,
					     .reclaim = fake_reclaim,
					     .scrub = fake_scrub,
					     .describe = fake_describe,
					     .forget = fake_forget };

/* --- the world --------------------------------------------------------------------- */

static const char *const drivers[] = { "nfs.csi.k8s.io" };

static void open_world(void)
{
	struct err err = ERR_INIT;
	char path[96];

	cr_assert_eq(sem_init(&forgotten, 0, 0), 0);
	(void)snprintf(dir, sizeof(dir), "/tmp/test_reconcile.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/claimfs.db", dir);
	cr_assert_eq(store_open(&store, path, &err), 0, "%s", err_text(&err));
	cr_assert_eq(
		watch_hub_new(&hub,
			      &(struct watch_hub_options){ .store = store },
			      &err),
		0);
	cr_assert_eq(
		registry_new(&registry,
			     &(struct registry_options){ .store = store,
							 .hub = hub,
							 .drivers = drivers,
							 .n_drivers = 1 },
			     &err),
		0);
}

static void start(void)
{
	struct reconciler_options options = {
		.is_binder = true,
		.cluster = registry_cluster(registry),
		.store = store,
		.share = &fake_share,
		.drivers = drivers,
		.n_drivers = 1,
	};
	struct err err = ERR_INIT;

	cr_assert_eq(reconciler_new(&reconciler, &options, &err), 0);
	cr_assert_eq(watch_hub_add_callback(hub, reconciler_change, reconciler),
		     0);
	cr_assert_eq(reconciler_start(reconciler, &err), 0);
}

static void close_world(void)
{
	char command[128];

	if (reconciler)
		reconciler_stop(reconciler);
	reconciler_free(reconciler);
	registry_free(registry);
	watch_hub_free(hub);
	store_close(store);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c)
}

TestSuite(reconcile, .init = open_world, .fini = close_world, .timeout = 60);

/* --- what tests do and wait for ------------------------------------------------------- */

static void create(const char *text)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	cr_assert_eq(registry_create(registry, object, NULL, &err), 0, "%s",
		     err_text(&err));
}

static void create_class(const char *policy)
{
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\","
		"\"metadata\":{\"name\":\"k\"},\"provisioner\":\"nfs.csi.k8s.io\","
		"\"parameters\":{\"server\":\"s\",\"share\":\"/x\"},"
		"\"reclaimPolicy\":\"%s\"}",
		policy);
	create(text);
}

static void create_claim_named(const char *name)
{
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\"},"
		"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}},"
		"\"storageClassName\":\"k\"}}",
		name);
	create(text);
}

static void create_claim(void)
{
	create_claim_named("c");
}

static void delete_claim_named(const char *name)
{
	struct err err = ERR_INIT;

	cr_assert_eq(registry_delete(registry, KIND_CLAIM, "default", name,
				     NULL, NULL, &err),
		     0);
}

static void delete_claim(void)
{
	delete_claim_named("c");
}

static size_t count(enum object_kind kind)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;

	cr_assert_eq(registry_list(registry, kind, NULL, &list, NULL), 0);
	return list.n;
}

static int count_living_volumes(void)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int n = 0;

	(void)registry_list(registry, KIND_PERSISTENT_VOLUME, NULL, &list,
			    NULL);
	for (size_t i = 0; i < list.n; i++)
		n += !json_at(list.items[i]->json,
			      "metadata.deletionTimestamp");
	return n;
}

/* Some object of the kind has this string there. */
static bool has(enum object_kind kind, const char *path, const char *value)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;

	cr_assert_eq(registry_list(registry, kind, NULL, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		const char *found = cJSON_GetStringValue(
			json_at(list.items[i]->json, path));

		if (found && strcmp(found, value) == 0)
			return true;
	}
	return false;
}

static bool claim_is_bound(void)
{
	return has(KIND_CLAIM, "status.phase", "Bound");
}

static bool everything_is_gone(void)
{
	return count(KIND_CLAIM) == 0 && count(KIND_PERSISTENT_VOLUME) == 0;
}

static bool volume_is_released(void)
{
	return count(KIND_CLAIM) == 0 &&
	       has(KIND_PERSISTENT_VOLUME, "status.phase", "Released");
}

static bool provisioning_failed(void)
{
	return has(KIND_EVENT, "reason", "ProvisioningFailed");
}

static bool deletion_failed(void)
{
	return has(KIND_EVENT, "reason", "VolumeFailedDelete");
}

static bool no_intent_is_open(void)
{
	_cleanup_(store_intent_list_fini) struct store_intent_list list = { 0 };

	cr_assert_eq(store_intent_list_open(store, &list, NULL), 0);
	return list.n == 0;
}

static void wait_until(bool (*condition)(void), const char *what)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	uint64_t deadline = clock_ns() + PATIENCE_NS;

	cr_assert_eq(watcher_new(&watcher, hub, store_revision(store)), 0);
	while (!condition()) {
		struct watch_change change = { 0 };

		cr_assert_eq(watcher_next(watcher, deadline, -1, &change), 0,
			     "%s", what);
		object_unref(change.object);
	}
}

/* --- the tests --------------------------------------------------------------------------- */

Test(reconcile, a_claim_becomes_a_bound_volume_with_one_directory)
{
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert(has(KIND_PERSISTENT_VOLUME, "status.phase", "Bound"));
	cr_assert(has(KIND_PERSISTENT_VOLUME,
		      "spec.csi.volumeAttributes.subDir", last_path));
	cr_assert(has(KIND_EVENT, "reason", "ProvisioningSucceeded"));
	cr_assert_eq(atomic_load(&makes), 1);
	cr_assert(no_intent_is_open());
}

Test(reconcile, a_failing_share_is_told_and_tried_again)
{
	atomic_store(&failures_left, 2);
	start();
	create_class("Delete");
	create_claim();
	wait_until(provisioning_failed, "an event");
	cr_assert(has(
		KIND_EVENT, "message",
		"failed to provision volume with StorageClass \"k\": the share is on fire"));
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert_eq(atomic_load(&makes), 3);
	cr_assert(no_intent_is_open());
}

/* The volume that the claim is going to get. */
static char *volume_of(const char *claim)
{
	_cleanup_(object_unref) struct object *object = NULL;
	char *name;

	cr_assert_eq(registry_get(registry, KIND_CLAIM, "default", claim,
				  &object, NULL),
		     0);
	cr_assert_gt(asprintf(&name, "pvc-%s", object->uid), 0);
	return name;
}

static char *overlap;

static bool tells_of_an_overlap(void)
{
	return has(KIND_EVENT, "message", overlap);
}

/* It has a descriptor and no volume: nobody may think that it is forgotten. */
Test(reconcile, a_directory_that_is_being_made_is_not_given_to_another_claim)
{
	_cleanup_(free) char *first = NULL;
	_cleanup_(free) char *second = NULL;

	atomic_store(&failures_left, MANY);
	start();
	create_class("Delete");
	create_claim();
	wait_until(provisioning_failed, "the first try");
	first = volume_of("c");
	atomic_store(&owner, first);
	create_claim_named("second");
	second = volume_of("second");
	cr_assert_gt(
		asprintf(
			&overlap,
			"failed to provision volume with StorageClass \"k\": directory %s on share /x of server s overlaps with that of volume %s",
			second, first),
		0);
	wait_until(tells_of_an_overlap, "the second claim's failure");
	free(overlap);
	cr_expect_eq(atomic_load(&n_volumes_at_forget), -1);
	reconciler_stop(reconciler);
	atomic_store(&owner, NULL);
}

static bool tells_of_a_lost_volume(void)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;

	cr_assert_eq(registry_list(registry, KIND_EVENT, NULL, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++)
		if (strstr(cJSON_GetStringValue(
				   json_at(list.items[i]->json, "message")),
			   "that of volume lost, which claim default/other has and which is not in this record"))
			return true;
	return false;
}

/* The record was lost, or it is another cluster's volume. */
Test(reconcile, a_directory_that_somebody_has_elsewhere_stays_his)
{
	owner_claim = "other";
	atomic_store(&owner, "lost");
	start();
	create_class("Delete");
	create_claim();
	wait_until(tells_of_a_lost_volume, "the claim's failure");
	cr_expect_eq(atomic_load(&n_volumes_at_forget), -1);
	reconciler_stop(reconciler);
	atomic_store(&owner, NULL);
}

static void expect_taken_over(void)
{
	atomic_store(&owner, "lost");
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	cr_expect_eq(atomic_load(&n_volumes_at_forget), 0);
}

Test(reconcile, a_directory_that_nobody_had_any_more_is_used_again)
{
	owner_claim = "other";
	owner_phase = "Released";
	expect_taken_over();
}

Test(reconcile, a_directory_that_the_same_claim_had_is_used_again)
{
	owner_claim = "c";
	owner_phase = "Bound";
	expect_taken_over();
}

Test(reconcile, a_deleted_claim_takes_volume_and_directory_along)
{
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	delete_claim();
	wait_until(everything_is_gone, "claim and volume are gone");
	cr_assert_eq(atomic_load(&reclaims), 1);
}

/* Else a repetition after a crash would not know whose directory stays there. */
Test(reconcile, the_descriptor_goes_after_the_volume)
{
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	reclaim_outcome = SHARE_KEPT;
	delete_claim();
	/* After the last change of an object: the suite's timeout is this one's. */
	cr_assert_eq(sem_wait(&forgotten), 0);
	cr_assert_eq(atomic_load(&n_volumes_at_forget), 0);
}

static bool all_are_bound(void)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	size_t n = 0;

	cr_assert_eq(registry_list(registry, KIND_CLAIM, NULL, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		const char *phase = cJSON_GetStringValue(
			json_at(list.items[i]->json, "status.phase"));

		n += phase && strcmp(phase, "Bound") == 0;
	}
	return n == TOGETHER;
}

Test(reconcile, many_volumes_are_reclaimed_together)
{
	static const char *const names[TOGETHER] = { "c0", "c1", "c2" };
	pthread_barrier_t barrier;

	cr_assert_eq(pthread_barrier_init(&barrier, NULL, TOGETHER), 0);
	start();
	create_class("Delete");
	for (size_t i = 0; i < TOGETHER; i++)
		create_claim_named(names[i]);
	wait_until(all_are_bound, "all claims are bound");
	together = &barrier;
	for (size_t i = 0; i < TOGETHER; i++)
		delete_claim_named(names[i]);
	wait_until(everything_is_gone, "claims and volumes are gone");
	cr_expect_eq(atomic_load(&reclaims), TOGETHER);
}

Test(reconcile, a_directory_that_can_not_be_removed_keeps_its_volume)
{
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	atomic_store(&failures_left, MANY);
	delete_claim();
	wait_until(deletion_failed, "an event");
	cr_assert(volume_is_released());
	atomic_store(&failures_left, 0);
	wait_until(everything_is_gone, "claim and volume are gone");
	cr_assert_geq(atomic_load(&reclaims), 2);
}

static bool is_in_trash(void)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list list = { 0 };

	cr_assert_eq(store_trash_list(store, &list, NULL), 0);
	return list.n == 1;
}

Test(reconcile, a_volume_goes_when_its_directory_is_in_the_trash)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list list = { 0 };
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };

	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	reclaim_outcome = SHARE_TRASHED;
	delete_claim();
	wait_until(everything_is_gone, "claim and volume are gone");
	cr_assert(is_in_trash());
	cr_assert_eq(store_trash_list(store, &list, NULL), 0);
	cr_assert_eq(store_trash_get(store, list.items[0].volume, &trash, NULL),
		     0);
	cr_assert_eq(trash.expires_s - trash.trashed_s, 86400,
		     "unless the class says otherwise");
	cr_assert(strstr(trash.object, "PersistentVolume"));
}

Test(reconcile, retain_never_touches_the_share)
{
	start();
	create_class("Retain");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	delete_claim();
	wait_until(volume_is_released, "the volume is released");
	cr_assert_eq(atomic_load(&reclaims), 0);
}

/* As after a crash between the directory and the volume. */
static void leave_behind(const char *step, const char *claim_uid)
{
	char volume[64], detail[512];
	int64_t id;

	(void)snprintf(volume, sizeof(volume), "pvc-%s", claim_uid);
	(void)snprintf(
		detail, sizeof(detail),
		"{\"server\":\"s\",\"share\":\"/x\",\"path\":\"%s\",\"volume\":\"%s\","
		"\"claimNamespace\":\"default\",\"claimName\":\"c\","
		"\"claimUid\":\"%s\",\"class\":\"k\",\"port\":0,\"mountport\":0}",
		volume, volume, claim_uid);
	cr_assert_eq(store_intent_open(store, step, volume, detail, &id, NULL),
		     0);
}

static void leave_an_intent_behind(const char *claim_uid)
{
	leave_behind("provision", claim_uid);
}

static bool was_reclaimed(void)
{
	return atomic_load(&reclaims) > 0;
}

Test(reconcile, a_directory_made_for_a_claim_that_went_is_removed_at_start)
{
	leave_an_intent_behind("11111111-1111-1111-1111-111111111111");
	start();
	/* Something that changes the record, to wait for. */
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert(was_reclaimed());
	cr_assert(no_intent_is_open());
}

Test(reconcile, a_directory_that_was_never_the_claims_is_forgotten)
{
	leave_an_intent_behind("11111111-1111-1111-1111-111111111111");
	reclaim_outcome = SHARE_FOREIGN;
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert(was_reclaimed());
	cr_assert(no_intent_is_open());
}

/* Its finalizer was taken away by somebody: what is not in the trash stays. */
Test(reconcile, a_removal_is_finished_without_its_volume)
{
	leave_behind("reclaim", "11111111-1111-1111-1111-111111111111");
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert(was_reclaimed());
	cr_assert_eq(last_how, ON_DELETE_RETAIN);
	cr_assert(no_intent_is_open());
}

Test(reconcile, a_volumes_directory_without_proof_is_not_deleted)
{
	start();
	create_class("Delete");
	create_claim();
	wait_until(claim_is_bound, "the claim is bound");
	reclaim_outcome = SHARE_FOREIGN;
	delete_claim();
	wait_until(deletion_failed, "an event");
	cr_assert(volume_is_released());
}

Test(reconcile, a_claim_of_the_same_name_does_not_adopt_the_directory)
{
	create_class("Delete");
	create_claim();
	leave_an_intent_behind("22222222-2222-2222-2222-222222222222");
	start();
	wait_until(claim_is_bound, "the claim is bound");
	cr_assert(was_reclaimed());
	cr_assert(no_intent_is_open());
	cr_assert_eq(count(KIND_PERSISTENT_VOLUME), 1);
}

static bool volume_is_available(void)
{
	return has(KIND_PERSISTENT_VOLUME, "status.phase", "Available");
}

static bool recycling_failed(void)
{
	return has(KIND_PERSISTENT_VOLUME, "status.phase", "Failed") &&
	       has(KIND_EVENT, "message",
		   "Recycle failed: the share is on fire");
}

static void create_recycled(const char *name, const char *share,
			    const char *subdir)
{
	char text[640];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","
		"\"metadata\":{\"name\":\"%s\"},\"spec\":{"
		"\"capacity\":{\"storage\":\"1Gi\"},"
		"\"accessModes\":[\"ReadWriteMany\"],"
		"\"persistentVolumeReclaimPolicy\":\"Recycle\","
		"\"claimRef\":{\"namespace\":\"default\",\"name\":\"%s\","
		"\"uid\":\"gone\"},"
		"\"csi\":{\"driver\":\"nfs.csi.k8s.io\",\"volumeHandle\":\"%s\","
		"\"volumeAttributes\":{\"server\":\"s\",\"share\":\"%s\","
		"\"subDir\":\"%s\"}}}}",
		name, name, name, share, subdir);
	create(text);
}

Test(reconcile, recycling_that_failed_is_told_and_tried_again)
{
	atomic_store(&failures_left, 2);
	start();
	create_recycled("pv", "/x", "a");
	wait_until(recycling_failed, "the volume has failed");
	wait_until(volume_is_available, "it is available again");
	cr_assert(has(KIND_EVENT, "reason", "VolumeRecycled"));
	cr_assert_eq(atomic_load(&scrubs), 3);
}

static bool recycling_of_shares_failed(void)
{
	return has(
		KIND_EVENT, "message",
		"Recycle failed: keep directory a on share /x of server s: it overlaps with that of volume outer");
}

static bool overlap_was_told(void)
{
	return has(
		KIND_EVENT, "message",
		"Recycle failed: keep directory a/b on share /x of server s: it overlaps with that of volume outer");
}

Test(reconcile, a_directory_in_which_another_volume_has_a_part_is_not_emptied)
{
	create_recycled("outer", "/x", "a");
	create_recycled("pv", "/x", "a/b");
	start();
	wait_until(overlap_was_told, "an event");
	cr_assert_eq(atomic_load(&scrubs), 0);
}

/* Exports may lie in each other, and a static volume's have slashes to spare. */
Test(reconcile, nor_is_one_in_which_another_share_has_a_part)
{
	create_recycled("outer", "//x/a/", "c");
	create_recycled("pv", "/x", "a");
	start();
	wait_until(recycling_of_shares_failed, "an event");
	cr_assert_eq(atomic_load(&scrubs), 0);
}
