/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "cleanup.h"
#include "trash.h"

static struct store_trash row(void)
{
	return (struct store_trash){ .state = TRASH_REMOVING,
				     .is_counted = true,
				     .n_files = 1000,
				     .n_bytes = 3 << 20,
				     .n_files_removed = 400,
				     .n_bytes_removed = 1 << 20 };
}

/* -1 = there is none. */
static double number(const char *json, const char *key)
{
	cJSON *parsed = cJSON_Parse(json);
	const cJSON *item = cJSON_GetObjectItem(parsed, key);
	double value = item ? item->valuedouble : -1;

	cJSON_Delete(parsed);
	return value;
}

Test(trash, progress_says_how_fast_and_how_long)
{
	const struct store_trash trash = row();
	const struct trash_speed speed = { .files_per_s = 20 };
	_cleanup_(free) char *text = trash_progress(&trash, &speed);

	cr_assert_str_eq(
		text,
		"400 of 1000 files, 1.0 MiB of 3.0 MiB removed, 20 files/s, 30s left");
}

Test(trash, the_descriptor_says_how_fast_and_how_long)
{
	const struct store_trash trash = row();
	const struct trash_speed speed = { .files_per_s = 20 };
	_cleanup_(free) char *note = trash_note(&trash, &speed);

	cr_assert_eq(number(note, "filesRemoved"), 400);
	cr_assert_eq(number(note, "filesPerSecond"), 20);
	cr_assert_eq(number(note, "secondsLeft"), 30);
}

Test(trash, nothing_is_said_of_time_before_it_was_counted)
{
	struct store_trash trash = row();
	const struct trash_speed speed = { .files_per_s = 20 };
	_cleanup_(free) char *note = NULL;

	trash.is_counted = false;
	note = trash_note(&trash, &speed);
	cr_assert_eq(number(note, "filesPerSecond"), 20);
	cr_assert_eq(number(note, "secondsLeft"), -1);
}

Test(trash, what_is_kept_has_no_speed)
{
	const struct store_trash trash = row();
	_cleanup_(free) char *note = trash_note(&trash, NULL);

	cr_assert_eq(number(note, "filesPerSecond"), -1);
	cr_assert_eq(number(note, "secondsLeft"), -1);
}
