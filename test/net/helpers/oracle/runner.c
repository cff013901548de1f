// SPDX-License-Identifier: MIT
// Runs cases given on stdin by BPF_PROG_RUN, one a line: `tc|xdp PACKET STEP...` with STEP = op,len,a,b,c,d,bufhex (numbers in
// decimal, a to d may be negative; bufhex may be "-"). Answers one JSON object a line.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step {
	__u32 op, len;
	__u64 a, b, c, d;
	__u8 buf[64];
};

struct result {
	__s64 ret;
	__u32 len, protocol, vlan_present, vlan_tci, vlan_proto, pkt_type, linear, meta;
	__u32 out, pad;
	__u8 buf[64];
};

static int unhex(const char *s, __u8 *out, int max)
{
	int n = 0;
	unsigned v;

	for (; s[0] && s[1] && n < max && sscanf(s, "%2x", &v) == 1; s += 2)
		out[n++] = v;
	return n;
}

static void puthex(const __u8 *p, int n)
{
	for (int i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static int quiet(enum libbpf_print_level l, const char *f, va_list a)
{
	return l == LIBBPF_WARN ? vfprintf(stderr, f, a) : 0;
}

int main(int argc, char **argv)
{
	static char line[65536];
	static __u8 in[8192], out[16384];
	struct bpf_object *obj;
	int steps, results, ports, tc, xdp;
	__u32 key, lo;

	libbpf_set_print(quiet);
	obj = bpf_object__open_file(argc > 1 ? argv[1] : "helpers.bpf.o", NULL);
	if (!obj || bpf_object__load(obj))
		return 1;
	steps = bpf_object__find_map_fd_by_name(obj, "steps");
	results = bpf_object__find_map_fd_by_name(obj, "results");
	ports = bpf_object__find_map_fd_by_name(obj, "ports");
	tc = bpf_program__fd(bpf_object__find_program_by_name(obj, "on_tc"));
	xdp = bpf_program__fd(bpf_object__find_program_by_name(obj, "on_xdp"));
	key = 1;
	lo = if_nametoindex("lo");
	if (bpf_map_update_elem(ports, &key, &lo, 0))
		perror("ports");

	while (fgets(line, sizeof(line), stdin)) {
		char *save, *kind = strtok_r(line, " \n", &save), *hex, *word;
		struct step s[4] = {};
		struct result r = {};
		int n = 0, len, err;

		if (!kind)
			continue;
		hex = strtok_r(NULL, " \n", &save);
		len = unhex(hex, in, sizeof(in));
		while ((word = strtok_r(NULL, " \n", &save)) && n < 4) {
			char *p = word;

			s[n].op = strtoul(p, &p, 10);
			s[n].len = strtoul(p + 1, &p, 10);
			s[n].a = strtoll(p + 1, &p, 10);
			s[n].b = strtoll(p + 1, &p, 10);
			s[n].c = strtoll(p + 1, &p, 10);
			s[n].d = strtoull(p + 1, &p, 10);
			unhex(p + 1, s[n].buf, 64);
			n++;
		}
		for (key = 0; key < 4; key++) {
			bpf_map_update_elem(steps, &key, &s[key], 0);
			bpf_map_update_elem(results, &key, &r, 0);
		}
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in, .data_size_in = len, .data_out = out,
			    .data_size_out = sizeof(out), .repeat = 1);
		err = bpf_prog_test_run_opts(strcmp(kind, "xdp") ? tc : xdp, &o);
		printf("{\"err\":%d,\"after\":\"", err);
		puthex(out, err ? 0 : o.data_size_out);
		printf("\",\"results\":[");
		for (key = 0; key < (__u32)n; key++) {
			bpf_map_lookup_elem(results, &key, &r);
			printf("%s{\"ret\":%lld,\"len\":%u,\"protocol\":%u,\"vlanPresent\":%u,\"vlanTci\":%u,\"vlanProto\":%u,"
			       "\"pktType\":%u,\"linear\":%u,\"meta\":%u,\"out\":%u,\"buf\":\"",
			       key ? "," : "", (long long)r.ret, r.len, r.protocol, r.vlan_present, r.vlan_tci,
			       r.vlan_proto, r.pkt_type, r.linear, r.meta, r.out);
			puthex(r.buf, 64);
			printf("\"}");
		}
		printf("]}\n");
		fflush(stdout);
	}
	return 0;
}
