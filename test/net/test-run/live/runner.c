/*
 * Runs live frames in network namespaces of their own, a case a line: PROGRAM PEER INGRESS REPEAT BATCH META DATA-HEX, PEER `-` for none,
 * INGRESS `-` for no context, `lo` or `a`. The scene: veth a (02:00:00:00:00:0a, 10.1.0.1/24) and b (...:0b) in one namespace; PEER is
 * attached to b natively; `target` and the slots of `ports` are a, b (slot 1), none. Prints a line of JSON each.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* The variables of .bss and .data, by BTF. */
static void variables(struct bpf_object *object)
{
	struct btf *btf = bpf_object__btf(object);
	struct bpf_map *map;
	const char *comma = "";

	printf("\"variables\":{");
	bpf_object__for_each_map(map, object) {
		const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
		char value[4096] = {0};
		unsigned zero = 0, i;

		if (!btf_is_datasec(sec) || strstr(bpf_map__name(map), "rodata"))
			continue;
		if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, value))
			fail("variables");
		for (i = 0; i < btf_vlen(sec); i++) {
			const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
			const struct btf_type *var = btf__type_by_id(btf, v->type);
			unsigned long long n = 0;

			memcpy(&n, value + v->offset, v->size);
			printf("%s\"%s\":%llu", comma, btf__name_by_offset(btf, var->name_off), n);
			comma = ",";
		}
	}
	printf("}");
}

static void table(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	const char *comma = "";
	unsigned key;

	printf(",\"%s\":{", name);
	for (key = 0; key < 256; key++) {
		unsigned long long n = 0;

		bpf_map_lookup_elem(fd, &key, &n);
		if (n)
			printf("%s\"%u\":%llu", comma, key, n), comma = ",";
	}
	printf("}");
}

static void statistics(const char *device)
{
	FILE *f = fopen("/proc/net/dev", "r");
	char line[1024], name[64];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long rx[8], tx[8];

		if (sscanf(line, " %63[^:]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", name, rx, rx + 1, rx + 2,
			   rx + 3, rx + 4, rx + 5, rx + 6, rx + 7, tx, tx + 1, tx + 2, tx + 3) != 13 || strcmp(name, device))
			continue;
		printf(",\"%s\":{\"rxBytes\":%llu,\"rxPackets\":%llu,\"rxDropped\":%llu,", device, rx[0], rx[1], rx[3]);
		printf("\"txBytes\":%llu,\"txPackets\":%llu,\"txDropped\":%llu}", tx[0], tx[1], tx[3]);
		fclose(f);
		return;
	}
	fail("/proc/net/dev");
}

/* A counter of /proc/net/snmp. */
static long long snmp(const char *proto, const char *name)
{
	FILE *f = fopen("/proc/net/snmp", "r");
	char head[4096], row[4096];

	while (f && fgets(head, sizeof(head), f) && fgets(row, sizeof(row), f)) {
		char *h, *r, *n = strtok_r(head, " \n", &h), *v = strtok_r(row, " \n", &r);

		if (strncmp(n, proto, strlen(proto)))
			continue;
		while (n && v) {
			if (!strcmp(n, name)) {
				fclose(f);
				return atoll(v);
			}
			n = strtok_r(NULL, " \n", &h);
			v = strtok_r(NULL, " \n", &r);
		}
	}
	fail("/proc/net/snmp");
	return 0;
}

static void set_target(struct bpf_object *object, unsigned value)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		size_t size;
		void *data = (void *)bpf_map__initial_value(map, &size);

		if (data && strstr(bpf_map__name(map), "rodata"))
			memcpy(data, &value, sizeof(value));
	}
}

static void run(const char *path, char *line)
{
	char *save, *prog = strtok_r(line, " \n", &save), *peer = strtok_r(NULL, " \n", &save);
	char *ingress = strtok_r(NULL, " \n", &save);
	unsigned repeat = atoi(strtok_r(NULL, " \n", &save)), batch = atoi(strtok_r(NULL, " \n", &save));
	unsigned meta = atoi(strtok_r(NULL, " \n", &save));
	char *hex = strtok_r(NULL, " \n", &save);
	unsigned char data[4096];
	unsigned size = strlen(hex) / 2, i;
	struct xdp_md { unsigned data, data_end, data_meta, ingress, queue, egress; } md = { 0 };
	struct bpf_object *object;
	unsigned a, b, slot;
	int ports, err;

	if (unshare(CLONE_NEWNET))
		fail("unshare");
	if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 && ip link set lo up &&"
		   "ip link add name a address 02:00:00:00:00:0a type veth peer name b address 02:00:00:00:00:0b &&"
		   "ip addr add 10.1.0.1/24 dev a && ip link set dev a up && ip link set dev b up"))
		fail("ip");
	a = if_nametoindex("a");
	b = if_nametoindex("b");
	for (i = 0; i < size; i++)
		sscanf(hex + 2 * i, "%2hhx", &data[i]);
	object = bpf_object__open(path);
	if (!object)
		fail(path);
	set_target(object, a);
	if (bpf_object__load(object))
		fail("load");
	ports = bpf_object__find_map_fd_by_name(object, "ports");
	slot = 0;
	bpf_map_update_elem(ports, &slot, &a, 0);
	slot = 1;
	bpf_map_update_elem(ports, &slot, &b, 0);
	if (*peer != '-') {
		int fd = bpf_program__fd(bpf_object__find_program_by_name(object, peer));

		if (bpf_xdp_attach(b, fd, 1U << 2, NULL))
			fail("attach");
	}
	/* let the kernel finish what bringing the link up began */
	usleep(20000);
	{
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = data, .data_size_in = size, .repeat = repeat, .flags = 2, .batch_size = batch);
		long long received = snmp("Ip", "InReceives"), ports_closed = snmp("Udp", "NoPorts");

		if (*ingress != '-') {
			md.data = meta;
			md.data_end = size;
			md.ingress = if_nametoindex(ingress);
			o.ctx_in = &md;
			o.ctx_size_in = sizeof(md);
		}
		err = bpf_prog_test_run_opts(bpf_program__fd(bpf_object__find_program_by_name(object, prog)), &o);
		usleep(50000);
		printf("{\"errno\":%d,\"retval\":%u,\"size\":%u,", err ? errno : 0, o.retval, o.data_size_out);
		received = snmp("Ip", "InReceives") - received;
		ports_closed = snmp("Udp", "NoPorts") - ports_closed;
		printf("\"IpInReceives\":%lld,\"UdpNoPorts\":%lld,", received, ports_closed);
	}
	variables(object);
	table(object, "ran");
	table(object, "seen");
	statistics("a");
	statistics("b");
	printf("}\n");
	exit(0);
}

int main(int argc, char **argv)
{
	static char line[65536];

	libbpf_set_print(argc > 2 ? NULL : quiet);
	while (fgets(line, sizeof(line), stdin)) {
		int status;

		fflush(stdout);
		if (fork() == 0)
			run(argv[1], line);
		if (wait(&status) < 0 || status != 0)
			return 1;
	}
	return 0;
}
