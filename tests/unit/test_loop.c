/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "clock.h"
#include "loop.h"

struct pipe_watch {
	struct watch watch;
	int fds[2];
	int n_calls;
	struct pipe_watch *victim; /* removed by the callback */
};

static void on_readable(struct watch *watch, uint32_t events)
{
	struct pipe_watch *p = container_of(watch, struct pipe_watch, watch);

	(void)events;
	p->n_calls++;
	if (p->victim)
		watch_remove(&p->victim->watch);
}

static void pipe_watch_start(struct pipe_watch *p, struct loop *loop)
{
	*p = (struct pipe_watch){ .watch = WATCH_INIT(on_readable) };
	cr_assert_eq(pipe(p->fds), 0);
	cr_assert_eq(write(p->fds[1], "x", 1), 1);
	cr_assert_eq(watch_add(&p->watch, loop, p->fds[0], EPOLLIN), 0);
}

static void pipe_watch_end(struct pipe_watch *p)
{
	watch_remove(&p->watch);
	close(p->fds[0]);
	close(p->fds[1]);
}

Test(loop, calls_a_ready_watch_once_per_round)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	struct pipe_watch p;

	cr_assert_eq(loop_new(&loop), 0);
	pipe_watch_start(&p, loop);
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(p.n_calls, 1);
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(p.n_calls, 2, "level-triggered: unread data calls again");
	pipe_watch_end(&p);
}

Test(loop, a_callback_may_remove_any_watch)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	struct pipe_watch a, b;

	cr_assert_eq(loop_new(&loop), 0);
	pipe_watch_start(&a, loop);
	pipe_watch_start(&b, loop);
	a.victim = &b;
	b.victim = &a;
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(a.n_calls + b.n_calls, 1, "the removed one is not called");
	pipe_watch_end(&a);
	pipe_watch_end(&b);
}

struct numbered_timer {
	struct timer timer;
	int number;
	int *log;
	int *n_log;
};

static void on_numbered(struct timer *timer)
{
	struct numbered_timer *t =
		container_of(timer, struct numbered_timer, timer);

	t->log[(*t->n_log)++] = t->number;
}

Test(loop, timers_fire_in_the_order_of_their_deadlines)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	static const int order[] = { 3, 0, 4, 1, 2 };
	struct numbered_timer timers[5];
	int log[5], n_log = 0;

	cr_assert_eq(loop_new(&loop), 0);
	for (int i = 0; i < 5; i++) {
		timers[i] = (struct numbered_timer){ .timer = TIMER_INIT(
							     on_numbered),
						     .number = order[i],
						     .log = log,
						     .n_log = &n_log };
		cr_assert_eq(timer_set(&timers[i].timer, loop,
				       (uint64_t)order[i] + 1),
			     0);
	}
	timer_cancel(&timers[2].timer); /* number 4 */
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(n_log, 4);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(log[i], i);
}

Test(loop, a_timer_ends_the_wait)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	int log[1], n_log = 0;
	struct numbered_timer t = { .timer = TIMER_INIT(on_numbered),
				    .log = log,
				    .n_log = &n_log };

	cr_assert_eq(loop_new(&loop), 0);
	cr_assert_eq(timer_set(&t.timer, loop, clock_ns() + 5 * NS_PER_MS), 0);
	while (n_log == 0)
		cr_assert_eq(loop_run_once(loop, -1), 0);
}

struct counted_post {
	struct post post;
	struct loop *loop;
	int n;
};

static void on_post(struct post *post)
{
	struct counted_post *p = container_of(post, struct counted_post, post);

	if (++p->n == 3)
		loop_stop(p->loop);
	else
		loop_post(p->loop, &p->post);
}

static void *post_from_thread(void *arg)
{
	struct counted_post *p = arg;

	loop_post(p->loop, &p->post);
	return NULL;
}

Test(loop, posts_of_other_threads_run_and_may_post_again)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	struct counted_post p = { .post.fn = on_post };
	pthread_t thread;

	cr_assert_eq(loop_new(&loop), 0);
	p.loop = loop;
	cr_assert_eq(pthread_create(&thread, NULL, post_from_thread, &p), 0);
	cr_assert_eq(loop_run(loop), 0);
	cr_assert_eq(p.n, 3);
	pthread_join(thread, NULL);
}

/* A post whose callback takes another one back. */
struct jealous_post {
	struct post post;
	struct loop *loop;
	struct post *victim;
	bool took_back;
};

static void on_jealous_post(struct post *post)
{
	struct jealous_post *p = container_of(post, struct jealous_post, post);

	p->took_back = loop_unpost(p->loop, p->victim);
}

Test(loop, a_post_that_waits_can_be_taken_back)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	struct counted_post victim = { .post.fn = on_post };
	struct jealous_post p = { .post.fn = on_jealous_post,
				  .victim = &victim.post };

	cr_assert_eq(loop_new(&loop), 0);
	p.loop = victim.loop = loop;
	cr_assert_not(loop_unpost(loop, &victim.post));
	loop_post(loop, &p.post);
	loop_post(loop, &victim.post);
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert(p.took_back, "by the one in front of it, in the same round");
	cr_assert_eq(victim.n, 0);
	loop_post(loop, &victim.post);
	cr_assert_eq(loop_run_once(loop, 0), 0);
	cr_assert_eq(victim.n, 1);
	cr_assert(loop_unpost(loop, &victim.post), "it posted itself again");
}
