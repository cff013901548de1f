// SPDX-License-Identifier: MIT
// Asks the verifier which kernel functions, given by BTF id, programs of each type may call: prints `TYPE ID` for those.
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; int type, attach, flags; } kinds[] = {
	{ "socket_filter", BPF_PROG_TYPE_SOCKET_FILTER }, { "sched_cls", BPF_PROG_TYPE_SCHED_CLS },
	{ "sched_act", BPF_PROG_TYPE_SCHED_ACT }, { "xdp", BPF_PROG_TYPE_XDP },
	{ "cgroup_skb", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS }, { "lwt_in", BPF_PROG_TYPE_LWT_IN },
	{ "lwt_out", BPF_PROG_TYPE_LWT_OUT }, { "lwt_xmit", BPF_PROG_TYPE_LWT_XMIT },
	{ "sock_ops", BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS },
	{ "cgroup_sock_addr", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT },
	{ "lwt_seg6local", BPF_PROG_TYPE_LWT_SEG6LOCAL },
	{ "sk_reuseport", BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT },
	{ "flow_dissector", BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR },
	{ "sk_lookup", BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP }, { "syscall", BPF_PROG_TYPE_SYSCALL, 0, BPF_F_SLEEPABLE },
};
static char text[65536];

int main(int argc, char **argv)
{
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (int i = 1; i < argc; i++) {
			struct bpf_insn in[] = {
				{ .code = 0x85, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = atoi(argv[i]) },
				{ .code = 0xb7 }, { .code = 0x95 },
			};
			union bpf_attr a;
			int fd;

			memset(&a, 0, sizeof(a));
			a.prog_type = kinds[k].type;
			a.expected_attach_type = kinds[k].attach;
			a.prog_flags = kinds[k].flags;
			a.insns = (unsigned long)in;
			a.insn_cnt = 3;
			a.license = (unsigned long)"GPL";
			a.log_buf = (unsigned long)text;
			a.log_size = sizeof(text);
			a.log_level = 1;
			text[0] = 0;
			fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof(a));
			if (fd >= 0)
				close(fd);
			else if (!text[0])
				return fprintf(stderr, "%s: refused outright\n", kinds[k].name), 1;
			if (!strstr(text, "is not allowed"))
				printf("%s %s\n", kinds[k].name, argv[i]);
		}
	return 0;
}
