/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "inode.h"
#include "inode_layout.h"
#include "intent.h"

static struct inode_table *table;
static struct intents *intents;

static void set_up(void)
{
	const struct nfs_fh root = { .len = 4, .data = "root" };

	cr_assert_eq(inode_table_new(&table, &root, 2, 0), 0);
	cr_assert_eq(intents_new(&intents, table), 0);
}

static void tear_down(void)
{
	intents_free(intents);
	inode_table_free(table);
}

/* The process died; another one maps the table. */
static void die(void)
{
	int fd = dup(inode_table_fd(table));

	tear_down();
	cr_assert_eq(inode_table_attach(&table, fd, 0), 0);
	cr_assert_eq(intents_new(&intents, table), 0);
}

TestSuite(intent, .init = set_up, .fini = tear_down);

Test(intent, of_a_new_request_has_no_outcome)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	cr_assert_neq(slot, INTENT_NONE);
	cr_assert_not(outcome.is_settled);
	cr_assert_not(outcome.has_value);
	intent_end(intents, slot);
}

Test(intent, that_was_settled_is_known_to_the_next_process)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	intent_set_value(intents, slot, 4711);
	intent_settle(intents, slot, -EEXIST);
	die();
	(void)intent_begin(intents, 2 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert(outcome.is_settled);
	cr_assert_eq(outcome.status, -EEXIST);
	cr_assert(outcome.has_value);
	cr_assert_eq(outcome.value, 4711);
}

Test(intent, that_was_not_settled_is_not)
{
	struct intent_outcome outcome;

	(void)intent_begin(intents, 2, &outcome);
	die();
	(void)intent_begin(intents, 2 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert_not(outcome.is_settled);
}

Test(intent, survives_a_second_death_before_the_request_comes_again)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	intent_settle(intents, slot, 0);
	die();
	die();
	(void)intent_begin(intents, 2 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert(outcome.is_settled);
}

Test(intent, that_was_answered_is_forgotten)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	intent_settle(intents, slot, -EEXIST);
	intent_end(intents, slot);
	die();
	(void)intent_begin(intents, 2 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert_not(outcome.is_settled);
}

Test(intent, of_another_request_is_not_taken_for_it)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	intent_settle(intents, slot, -EEXIST);
	die();
	(void)intent_begin(intents, 4 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert_not(outcome.is_settled);
	(void)intent_begin(intents, 2, &outcome); /* not asked again: new */
	cr_assert_not(outcome.is_settled);
}

Test(intent, slots_that_were_left_are_used_when_no_other_is_free)
{
	struct intent_outcome outcome;
	uint64_t unique = 2;

	for (uint32_t i = 0; i < INTENTS_MAX / 2; i++, unique += 2)
		(void)intent_begin(intents, unique, &outcome);
	die();
	for (uint32_t i = 0; i < INTENTS_MAX; i++, unique += 2)
		cr_assert_neq(intent_begin(intents, unique, &outcome),
			      INTENT_NONE);
	cr_assert_eq(intent_begin(intents, unique, &outcome), INTENT_NONE);
	/* What has no slot is executed without. */
	intent_settle(intents, INTENT_NONE, 0);
	intent_set_value(intents, INTENT_NONE, 0);
	intent_end(intents, INTENT_NONE);
}

Test(intent, as_what_a_change_was_sent_is_known_to_the_next_process)
{
	struct intent_outcome outcome;
	uint32_t slot = intent_begin(intents, 2, &outcome);

	cr_assert_eq(outcome.sent, 0);
	atomic_store(intent_sent(intents, slot), 4711);
	die();
	slot = intent_begin(intents, 2 | INTENT_UNIQUE_RESEND, &outcome);
	cr_assert_eq(outcome.sent, 4711);
	intent_end(intents, slot);
	slot = intent_begin(intents, 4, &outcome);
	cr_assert_eq(*intent_sent(intents, slot), 0);
	cr_assert_null(intent_sent(intents, INTENT_NONE));
}
