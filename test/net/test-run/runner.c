// SPDX-License-Identifier: MIT
// Runs programs given on stdin by BPF_PROG_RUN, one a line, words separated by single spaces, "-" for what is absent:
//   TYPE ATTACH PROG_FLAGS INSNS DATA CTX REPEAT FLAGS CPU BATCH OUT
// INSNS, DATA and CTX are hex. OUT: which outputs are asked for, of d (data) and c (context). Answers one JSON object a line:
// {"load": errno} when the program was refused, {"errno"} when the run was, else {"retval", "data", "ctx"}.
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST (128 * 1024)

static int unhex(const char *s, unsigned char *out)
{
	int n = 0;
	unsigned v;

	for (; s[0] && s[1] && n < MOST && sscanf(s, "%2x", &v) == 1; s += 2)
		out[n++] = v;
	return n;
}

static void puthex(const unsigned char *p, int n)
{
	for (int i = 0; i < n; i++)
		printf("%02x", p[i]);
}

int main(void)
{
	static char line[4 * MOST];
	static unsigned char insns[MOST], data[MOST], ctx[MOST], data_out[MOST], ctx_out[MOST];

	while (fgets(line, sizeof(line), stdin)) {
		char *w[11], *save;
		union bpf_attr a;
		int n = 0, fd, size, given_data, given_ctx;

		for (char *p = strtok_r(line, " \n", &save); p && n < 11; p = strtok_r(NULL, " \n", &save))
			w[n++] = p;
		if (n < 11)
			return 2;
		memset(&a, 0, sizeof(a));
		a.prog_type = atoi(w[0]);
		a.expected_attach_type = atoi(w[1]);
		a.prog_flags = atoi(w[2]);
		a.insns = (unsigned long)insns;
		a.insn_cnt = unhex(w[3], insns) / 8;
		a.license = (unsigned long)"GPL";
		fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof(a));
		if (fd < 0) {
			printf("{\"load\":%d}\n", errno);
			fflush(stdout);
			continue;
		}
		given_data = strcmp(w[4], "-");
		given_ctx = strcmp(w[5], "-");
		memset(&a, 0, sizeof(a));
		a.test.prog_fd = fd;
		if (given_data) {
			a.test.data_size_in = unhex(w[4], data);
			a.test.data_in = (unsigned long)data;
		}
		if (given_ctx) {
			a.test.ctx_size_in = unhex(w[5], ctx);
			a.test.ctx_in = (unsigned long)ctx;
		}
		if (strchr(w[10], 'd')) {
			a.test.data_out = (unsigned long)data_out;
			a.test.data_size_out = MOST;
		}
		if (strchr(w[10], 'c')) {
			a.test.ctx_out = (unsigned long)ctx_out;
			a.test.ctx_size_out = MOST;
		}
		a.test.repeat = strtoul(w[6], NULL, 10);
		a.test.flags = strtoul(w[7], NULL, 10);
		a.test.cpu = strtoul(w[8], NULL, 10);
		a.test.batch_size = strtoul(w[9], NULL, 10);
		size = syscall(__NR_bpf, BPF_PROG_RUN, &a, sizeof(a));
		if (size < 0) {
			printf("{\"errno\":%d}\n", errno);
		} else {
			printf("{\"retval\":%u,\"data\":\"", a.test.retval);
			puthex(data_out, a.test.data_out ? a.test.data_size_out : 0);
			printf("\",\"ctx\":\"");
			// a syscall program's context is written in place
			if (a.test.ctx_out)
				puthex(ctx_out, a.test.ctx_size_out);
			else
				puthex(ctx, a.test.ctx_size_in);
			printf("\"}\n");
		}
		close(fd);
		fflush(stdout);
	}
	return 0;
}
