// SPDX-License-Identifier: MIT
/*
 * Asks the running kernel what programs bound to a device may do and what veth tells them, in a network namespace of its own:
 *
 *     metadata OBJ FRAME...        frames in hex
 *
 * Prints one JSON object: "errno" of what was tried, and "frames": what the program wrote down of each frame. The frames are sent by
 * the peer; then once more by the peer with a VLAN tag beside the packet; then by the device itself to a peer that sends them back.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEV_BOUND_ONLY (1U << 6)
#define HAS_FRAGS (1U << 5)
#define SAID 9

static const char *path;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "metadata: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Loads one program of the object. @returns its object, NULL with the error in *err */
static struct bpf_object *load(const char *name, int ifindex, __u32 flags, int *err)
{
	struct bpf_object *o = bpf_object__open(path);
	struct bpf_program *p;

	must(o != NULL, "open");
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	p = bpf_object__find_program_by_name(o, name);
	bpf_program__set_ifindex(p, ifindex);
	bpf_program__set_flags(p, flags);
	*err = bpf_object__load(o);
	return *err ? NULL : o;
}

static int fd(struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

static int map_fd(struct bpf_object *o, const char *name)
{
	return bpf_object__find_map_fd_by_name(o, name);
}

static int first = 1;

static void say(const char *what, int err)
{
	printf("%s\"%s\":%d", first ? "" : ",", what, -err);
	first = 0;
}

static int run(int prog)
{
	unsigned char bytes[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = sizeof(bytes));

	return bpf_prog_test_run_opts(prog, &o);
}

static int attach(const char *dev, int prog, __u32 flags)
{
	int err = bpf_xdp_attach(if_nametoindex(dev), prog, flags, NULL);

	if (!err)
		bpf_xdp_detach(if_nametoindex(dev), flags, NULL);
	return err;
}

static void send_frame(const char *dev, const char *hex)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(dev), .sll_halen = 6 };
	int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	unsigned char bytes[2048];
	int n = strlen(hex) / 2;

	for (int i = 0; i < n; i++) {
		unsigned int byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		bytes[i] = byte;
	}
	must(s >= 0 && sendto(s, bytes, n, 0, (struct sockaddr *)&to, sizeof(to)) == n, "send");
	close(s);
	usleep(50000);
}

static void refusals(void)
{
	int v0 = if_nametoindex("v0"), err;
	struct bpf_object *plain, *bound, *in_devmap, *in_cpumap;
	__u32 key = 0, value;
	struct { int a, b; } pair;

	load("bound", 0, 0, &err), say("unbound", err);
	load("bound", 0, DEV_BOUND_ONLY, &err), say("bound to no device", err);
	load("bound", 99, DEV_BOUND_ONLY, &err), say("bound to a device that is not there", err);
	load("bound", if_nametoindex("lo"), DEV_BOUND_ONLY, &err), say("bound to lo", err);
	load("tag", v0, DEV_BOUND_ONLY, &err), say("tc program", err);
	load("bound", v0, DEV_BOUND_ONLY | HAS_FRAGS, &err), say("with frags", err);
	bound = load("bound", v0, DEV_BOUND_ONLY, &err), say("bound", err);
	say("run", run(fd(bound, "bound")));
	say("attached in the driver", attach("v0", fd(bound, "bound"), XDP_FLAGS_DRV_MODE));
	say("attached in generic mode", attach("v0", fd(bound, "bound"), XDP_FLAGS_SKB_MODE));
	say("attached to another device", attach("v1", fd(bound, "bound"), XDP_FLAGS_DRV_MODE));
	say("attached in generic mode to another device", attach("v1", fd(bound, "bound"), XDP_FLAGS_SKB_MODE));
	plain = load("with_maps", 0, 0, &err), say("maps", err);
	bound = load("with_maps", v0, DEV_BOUND_ONLY, &err), say("maps of a bound program", err);
	in_devmap = load("in_devmap", v0, DEV_BOUND_ONLY, &err), say("devmap program", err);
	in_cpumap = load("in_cpumap", v0, DEV_BOUND_ONLY, &err), say("cpumap program", err);
	value = fd(bound, "with_maps");
	say("prog array", bpf_map_update_elem(map_fd(plain, "progs"), &key, &value, 0));
	say("its own prog array", bpf_map_update_elem(map_fd(bound, "progs"), &key, &value, 0));
	value = fd(plain, "with_maps");
	say("unbound one into its prog array", bpf_map_update_elem(map_fd(bound, "progs"), &key, &value, 0));
	pair.a = v0, pair.b = fd(in_devmap, "in_devmap");
	say("devmap", bpf_map_update_elem(map_fd(plain, "devs"), &key, &pair, 0));
	pair.a = 192, pair.b = fd(in_cpumap, "in_cpumap");
	say("cpumap", bpf_map_update_elem(map_fd(plain, "cpus"), &key, &pair, 0));
}

int main(int argc, char **argv)
{
	struct bpf_object *bound, *reflect, *tag;
	int err;
	__u32 n = 0;

	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter);
	libbpf_set_print(NULL);
	path = argv[1];
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	must(system("ip link set lo up; ip link add v0 type veth peer name v1; sysctl -qw net.ipv6.conf.v0.disable_ipv6=1 "
		    "net.ipv6.conf.v1.disable_ipv6=1; ip link set v0 up; ip link set v1 up") == 0, "ip");
	printf("{\"errno\":{");
	refusals();
	bound = load("bound", if_nametoindex("v0"), DEV_BOUND_ONLY, &err);
	must(bound && !bpf_xdp_attach(if_nametoindex("v0"), fd(bound, "bound"), XDP_FLAGS_DRV_MODE, NULL), "attach");
	for (int i = 2; i < argc; i++, n++)
		send_frame("v1", argv[i]);
	tag = load("tag", 0, 0, &err);
	hook.ifindex = if_nametoindex("v1");
	must(tag && !bpf_tc_hook_create(&hook), "hook");
	filter.prog_fd = fd(tag, "tag");
	must(!bpf_tc_attach(&hook, &filter), "filter");
	for (int i = 2; i < argc; i++, n++)
		send_frame("v1", argv[i]);
	reflect = load("reflect", 0, 0, &err);
	must(reflect && !bpf_xdp_attach(if_nametoindex("v1"), fd(reflect, "reflect"), XDP_FLAGS_DRV_MODE, NULL), "reflect");
	for (int i = 2; i < argc; i++, n++)
		send_frame("v0", argv[i]);
	printf("},\"frames\":[");
	for (__u32 key = 0; key < n; key++) {
		__u64 said[SAID];

		must(!bpf_map_lookup_elem(map_fd(bound, "frames"), &key, said), "lookup");
		printf("%s[", key ? "," : "");
		for (int i = 0; i < SAID; i++)
			printf("%s%lld", i ? "," : "", (long long)said[i]);
		printf("]");
	}
	printf("]}\n");
	return 0;
}
