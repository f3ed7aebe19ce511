/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A daemon here does its work on threads, and its main thread only waits for the
 * end: a blocking read of a signalfd(2) needs no handler and no global flag.
 */

#include "stop_signal.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "log.h"

int stop_signals_block(int *ret_fd, struct err *err)
{
	sigset_t set;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set_errno(err, -errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "wait for signals");
	*ret_fd = fd;
	return 0;
}

int stop_signal_wait(int fd, int *ret, struct err *err)
{
	struct signalfd_siginfo info;
	ssize_t n;

	do
		n = read(fd, &info, sizeof(info));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set_errno(err, -errno, "wait for signals");
	log_info("stopping", F_STR("signal", strsignal((int)info.ssi_signo)));
	if (ret)
		*ret = (int)info.ssi_signo;
	return 0;
}
