/* SPDX-License-Identifier: Apache-2.0 */

/* What a descriptor in the trash says of its row, whose time is over. */

#include "registry_fixture.h"
#include "store_trash.h"
#include "trash_recover.h"

TestSuite(trash_recover, .init = fixture_open, .fini = fixture_close);

static enum trash_state recover(const char *state)
{
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };
	const struct share_volume where = { .server = "s", .share = "/x" };
	cJSON *note = cJSON_CreateObject();
	const struct share_found found = { .volume = "pv",
					   .path = "pv",
					   .claim_namespace = "default",
					   .claim_name = "c",
					   .claim_uid = "u",
					   .class_name = "k",
					   .phase = "",
					   .note = note,
					   .state = SHARE_READY };

	cJSON_AddStringToObject(note, "state", state);
	cJSON_AddStringToObject(note, "expiryTime", "2020-01-01T00:00:00Z");
	cr_assert_eq(trash_recover(store, &where, &found, 0, NULL),
		     TRASH_RECOVERED);
	cJSON_Delete(note);
	cr_assert_eq(store_trash_get(store, "pv", &row, NULL), 0);
	cr_assert_eq(store_trash_remove(store, "pv", NULL), 0);
	return row.state;
}

Test(trash_recover, what_somebody_wanted_back_is_not_removed)
{
	cr_assert_eq(recover("restoring"), TRASH_STOPPED);
	cr_assert_eq(recover("stopped"), TRASH_STOPPED);
}

Test(trash_recover, a_deadline_that_is_over_is_one)
{
	cr_assert_eq(recover("kept"), TRASH_KEPT);
	cr_assert_eq(recover("removing"), TRASH_REMOVING);
}
